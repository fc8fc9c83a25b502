import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { childEnvironment } from '../../src/config/config.js';
import { freePorts } from './api-server.js';
import { toolPath } from './tools.js';

const REGION = 'us-east-1';
/** As the AWS SDK of the program calls them. */
const SERVICES = ['EC2', 'Elastic Load Balancing', 'Elastic Load Balancing v2', 'KMS'];

export interface CloudControllerOptions {
  /** Of the workload cluster. */
  readonly kubeconfig: string;
  /** The emulated AWS. */
  readonly endpoint: string;
  /** Name in the tags. */
  readonly cluster: string;
  readonly vpc: string;
  readonly subnet: string;
}

export interface CloudController {
  /** What it has logged so far. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** The cloud configuration for a controller that runs outside of the cloud it controls. Source: cloud-provider-aws pkg/providers/v1/config. */
function cloudConfig({ endpoint, cluster, vpc, subnet }: CloudControllerOptions): string {
  const overrides = SERVICES.flatMap((service, i) => [
    `[ServiceOverride "${i + 1}"]`,
    `Service = ${service}`,
    `Region = ${REGION}`,
    `URL = ${endpoint}`,
    `SigningRegion = ${REGION}`,
  ]);
  return [
    '[Global]',
    `Region = ${REGION}`,
    `Zone = ${REGION}a`,
    `VPC = ${vpc}`,
    `SubnetID = ${subnet}`,
    `KubernetesClusterID = ${cluster}`,
    ...overrides,
    '',
  ].join('\n');
}

/** Runs the real AWS cloud controller manager against a workload cluster and the emulated AWS: it makes load balancers for Services. */
export async function startCloudController(options: CloudControllerOptions): Promise<CloudController> {
  const program = await toolPath('aws-cloud-controller-manager');
  const dir = await mkdtemp(path.join(tmpdir(), 'perdure-ccm-'));
  const at = (name: string): string => path.join(dir, name);
  await writeFile(at('kubeconfig'), options.kubeconfig, { mode: 0o600 });
  await writeFile(at('cloud.conf'), cloudConfig(options));
  const [port = 0] = await freePorts(1);
  const output = openSync(at('log'), 'a');
  const child: ChildProcess = spawn(
    program,
    [
      '--cloud-provider=aws',
      `--cloud-config=${at('cloud.conf')}`,
      `--kubeconfig=${at('kubeconfig')}`,
      `--cluster-name=${options.cluster}`,
      '--controllers=service-lb-controller',
      '--configure-cloud-routes=false',
      '--allocate-node-cidrs=false',
      '--leader-elect=false',
      '--authentication-skip-lookup=true',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${dir}`,
      '--v=2',
    ],
    {
      stdio: ['ignore', output, output],
      env: childEnvironment({
        AWS_REGION: REGION,
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'anything',
        AWS_EC2_METADATA_DISABLED: 'true',
      }),
    },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    log: () => readFile(at('log'), 'utf8'),
    async stop() {
      child.kill('SIGKILL');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
