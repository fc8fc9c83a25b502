import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { cacheDir, childEnvironment } from '../../config/config.js';
import type { MotoHandle } from '../moto/index.js';
import { startTestMoto, type TestClients, testClients, until } from '../moto/testing.js';
import { ensureMachineTree } from '../tools/index.js';
import { localServer, readHosts } from './hosts.js';
import { type MachineHostHandle, startMachineHost } from './index.js';
import { machinePaths } from './paths.js';
import { describeInstance, launch, leftovers, makeInstanceProfile, makeVpc } from './testing.js';

const BOOT_MS = 150_000;
const log = { info: () => undefined, warn: () => undefined };

describe('a machine host on the emulated EC2', () => {
  let moto: MotoHandle;
  let aws: TestClients;
  let host: MachineHostHandle;
  let stateDir: string;
  let instanceId: string;

  beforeAll(async () => {
    const tree = await ensureMachineTree({ cacheDir: cacheDir(), env: childEnvironment() });
    stateDir = await mkdtemp(join(tmpdir(), 'perdure-machines-'));
    moto = await startTestMoto({ allMs: 100 });
    aws = testClients(moto.endpoint);
    host = await startMachineHost({ stateDir, tree, moto, log });
    await host.ready;
  }, 1_200_000);
  afterAll(async () => {
    await host?.stop();
    await moto?.stop();
    await rm(stateDir, { recursive: true, force: true });
  }, 60_000);

  test('boots an instance whose user data makes it a control plane that the load balancer serves', async () => {
    const { subnets, vpcId } = await makeVpc(aws);
    const { dnsName, targetGroup } = await makeLoadBalancer(aws, vpcId, subnets);
    await aws.secrets.send(
      new CreateSecretCommand({ Name: 'bootstrap', SecretBinary: Buffer.from('from the cloud\n') }),
    );
    await makeInstanceProfile(moto.endpoint);
    instanceId = await launch(aws, subnets[0] ?? '', controlPlaneUserData(dnsName));
    await until(
      () => describeInstance(aws, instanceId),
      (instance) => instance?.State?.Name === 'running',
    );
    await aws.elbv2.send(new RegisterTargetsCommand({ TargetGroupArn: targetGroup, Targets: [{ Id: instanceId }] }));

    const machine = machinePaths(stateDir, instanceId);
    const kubeconfig = join(machine.upper, 'etc/kubernetes/admin.conf');
    try {
      await until(
        async () => existsSync(kubeconfig) && (await apiGet(stateDir, kubeconfig, '/readyz')),
        (text) => text === 'ok',
        BOOT_MS,
      );
      await until(
        async () => nodeSummary(await apiGet(stateDir, kubeconfig, '/api/v1/nodes')),
        (nodes) => nodes.some((node) => node.ready),
        BOOT_MS,
      );
      await until(
        () => coreDnsReady(stateDir, kubeconfig),
        (ready) => ready,
        BOOT_MS,
      );
    } catch (error) {
      throw new Error(`${error}\nconsole:\n${readFileSync(machine.console, 'utf8').slice(-4_000)}`);
    }
    const instance = await describeInstance(aws, instanceId);
    expect(nodeSummary(await apiGet(stateDir, kubeconfig, '/api/v1/nodes'))).toEqual([
      { name: instance?.PrivateDnsName, ip: instance?.PrivateIpAddress, ready: true },
    ]);
    // What the machine found out from inside: its template's data, the metadata service, the emulated cloud.
    expect(readFileSync(join(machine.upper, 'etc/seen'), 'utf8')).toBe(
      `${instance?.PrivateDnsName} us-east-1a ${instanceId} from the cloud\n`,
    );
    const health = await until(
      () => aws.elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup })),
      (answer) => answer.TargetHealthDescriptions?.[0]?.TargetHealth?.State === 'healthy',
    );
    expect(health.TargetHealthDescriptions).toHaveLength(1);
    expect(host.status().machines).toMatchObject([{ instanceId, phase: 'running', ip: instance?.PrivateIpAddress }]);
  }, 400_000);

  test('removes the machine with all that belongs to it once the instance is terminated', async () => {
    await aws.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await until(
      async () => leftovers(stateDir),
      (left) => left.length === 0,
      30_000,
    );
    expect(existsSync(machinePaths(stateDir, instanceId).dir)).toBe(false);
    expect(host.status().machines).toEqual([]);
  }, 60_000);
});

async function makeLoadBalancer(
  aws: TestClients,
  vpcId: string,
  subnets: string[],
): Promise<{ dnsName: string; targetGroup: string }> {
  const made = await aws.elbv2.send(
    new CreateLoadBalancerCommand({ Name: 'api', Type: 'network', Scheme: 'internal', Subnets: subnets }),
  );
  const lb = made.LoadBalancers?.[0];
  const group = await aws.elbv2.send(
    new CreateTargetGroupCommand({
      Name: 'api',
      Protocol: 'TCP',
      Port: 6443,
      VpcId: vpcId,
      HealthCheckProtocol: 'HTTPS',
      HealthCheckPath: '/readyz',
      HealthCheckPort: '6443',
    }),
  );
  const targetGroup = group.TargetGroups?.[0]?.TargetGroupArn ?? '';
  await aws.elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn: lb?.LoadBalancerArn,
      Protocol: 'TCP',
      Port: 6443,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
    }),
  );
  return { dnsName: lb?.DNSName ?? '', targetGroup };
}

function controlPlaneUserData(endpoint: string): string {
  return `## template: jinja
#cloud-config
write_files:
- path: /run/kubeadm/kubeadm.yaml
  permissions: '0640'
  content: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    kubernetesVersion: v1.34.4
    controlPlaneEndpoint: ${endpoint}:6443
    networking:
      podSubnet: 10.90.0.0/16
    ---
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: InitConfiguration
    nodeRegistration:
      name: '{{ ds.meta_data.local_hostname }}'
      taints: []
runcmd:
- |
  token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  id=$(curl -s -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
  secret=$(aws secretsmanager get-secret-value --secret-id bootstrap --output text --query SecretBinary | base64 -d)
  echo "{{ ds.meta_data.local_hostname }} {{ ds.meta_data.placement.availability_zone }} $id $secret" > /etc/seen
- kubeadm init --config /run/kubeadm/kubeadm.yaml > /dev/console 2>&1
`;
}

/** What the API answers at `path`, through the load balancer's loopback address; an error's text when it does not. */
async function apiGet(stateDir: string, kubeconfig: string, path: string): Promise<string> {
  const config = parse(readFileSync(kubeconfig, 'utf8'));
  const local = localServer(config.clusters[0].cluster.server, readHosts(stateDir));
  const decode = (text: string): Buffer => Buffer.from(text, 'base64');
  return await new Promise((resolve) => {
    const call = request(`${local?.server}${path}`, {
      servername: local?.tlsServerName ?? '',
      ca: decode(config.clusters[0].cluster['certificate-authority-data']),
      cert: decode(config.users[0].user['client-certificate-data']),
      key: decode(config.users[0].user['client-key-data']),
      agent: false,
      timeout: 3_000,
    });
    call.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    call.on('timeout', () => call.destroy(new Error('timeout')));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

interface NodeSummary {
  readonly name: string;
  readonly ip: string;
  readonly ready: boolean;
}

function nodeSummary(text: string): NodeSummary[] {
  if (!text.startsWith('{')) return [];
  return (JSON.parse(text).items ?? []).map(
    (node: {
      metadata: { name: string };
      status: { addresses?: { type: string; address: string }[]; conditions?: { type: string; status: string }[] };
    }) => ({
      name: node.metadata.name,
      ip: node.status.addresses?.find((a) => a.type === 'InternalIP')?.address ?? '',
      ready: node.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    }),
  );
}

/** CoreDNS is ready once a pod has reached the API through its service: pods, kube-proxy and the pod network work. */
async function coreDnsReady(stateDir: string, kubeconfig: string): Promise<boolean> {
  const text = await apiGet(stateDir, kubeconfig, '/apis/apps/v1/namespaces/kube-system/deployments/coredns');
  return text.startsWith('{') && JSON.parse(text).status?.readyReplicas === 2;
}
