import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import type { Cluster, KubeadmControlPlane, MachineDeployment } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import { childEnvironment } from '../../config/config.js';
import { endpointOf } from '../../domain/contract.js';
import { envsubst, variablesOf } from '../../domain/envsubst.js';
import { PerdureError } from '../../domain/errors.js';
import { LABEL } from '../../domain/names.js';
import { readJson } from '../../sandbox/files.js';
import { connectKube, type GlobalOptions, layoutFor } from '../lib/connect.js';
import { command, print, show, table } from '../lib/output.js';

const templatePath = fileURLToPath(new URL('../templates/cluster-template.yaml', import.meta.url));

/** The default flavour's manifest with variables set. Throws naming all that are missing. */
export async function generateManifest(
  variables: Readonly<Record<string, string | undefined>>,
  from?: string,
): Promise<string> {
  return envsubst(await readFile(from ?? templatePath, 'utf8'), variables);
}

/** A kubeconfig for use outside the cloud: the load balancer's name is replaced by the sandbox's address for it, TLS still checks the name. */
export function localKubeconfig(text: string, hosts: Readonly<Record<string, string>>): string {
  const config = parse(text) as { clusters?: { cluster: { server: string; 'tls-server-name'?: string } }[] };
  for (const { cluster } of config.clusters ?? []) {
    const url = new URL(cluster.server);
    const address = hosts[url.hostname];
    if (!address) continue;
    cluster['tls-server-name'] = url.hostname;
    url.hostname = address;
    cluster.server = url.toString().replace(/\/$/, '');
  }
  return stringify(config);
}

/** Kubeconfig of a workload cluster from its Secret. */
export async function workloadKubeconfig(options: GlobalOptions, name: string): Promise<string> {
  const kube = connectKube(options);
  const namespace = options.namespace ?? 'default';
  const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(KINDS.Secret, {
    namespace,
    name: `${name}-kubeconfig`,
  });
  const value = secret?.data?.['value'];
  await kube.close();
  if (!value)
    throw new PerdureError(
      'NotFound',
      `Secret ${namespace}/${name}-kubeconfig does not exist: the cluster has no kubeconfig yet, or the name or --namespace is wrong`,
    );
  const hosts = (await readJson<Record<string, string>>(path.join(layoutFor(options).machines, 'hosts.json'))) ?? {};
  return localKubeconfig(Buffer.from(value, 'base64').toString('utf8'), hosts);
}

interface ScaleOptions extends GlobalOptions {
  readonly replicas: string;
}

async function scale(target: string, options: ScaleOptions): Promise<void> {
  const replicas = Number(options.replicas);
  if (!Number.isInteger(replicas) || replicas < 0)
    throw new PerdureError('InvalidConfiguration', `--replicas ${options.replicas} is not a whole number of 0 or more`);
  const [kindName = '', name = ''] = target.includes('/') ? target.split('/') : ['machinedeployment', target];
  const kind = {
    machinedeployment: KINDS.MachineDeployment,
    md: KINDS.MachineDeployment,
    kubeadmcontrolplane: KINDS.KubeadmControlPlane,
    kcp: KINDS.KubeadmControlPlane,
    machineset: KINDS.MachineSet,
    ms: KINDS.MachineSet,
  }[kindName.toLowerCase()];
  if (!kind)
    throw new PerdureError(
      'InvalidConfiguration',
      `cannot scale a ${kindName}; use machinedeployment/NAME, machineset/NAME or kubeadmcontrolplane/NAME`,
    );
  const kube = connectKube(options);
  const namespace = options.namespace ?? 'default';
  const before = await kube.get<KubeadmControlPlane | MachineDeployment>(kind, { namespace, name });
  if (!before) throw new PerdureError('NotFound', `${kind.kind} ${namespace}/${name} does not exist`);
  await kube.mergePatch(kind, { namespace, name }, { spec: { replicas } }, { subresource: 'scale' });
  await kube.close();
  show(
    options.output,
    { kind: kind.kind, namespace, name, from: before.spec.replicas ?? 1, to: replicas },
    () => `${kind.kind} ${namespace}/${name}: ${before.spec.replicas ?? 1} → ${replicas}`,
  );
}

async function remove(name: string, options: GlobalOptions & { wait?: boolean }): Promise<void> {
  const kube = connectKube(options);
  const namespace = options.namespace ?? 'default';
  const existed = await kube.delete(KINDS.Cluster, { namespace, name });
  if (!existed) throw new PerdureError('NotFound', `Cluster ${namespace}/${name} does not exist`);
  if (options.wait) {
    let last = '';
    for (;;) {
      const cluster = await kube.get<Cluster>(KINDS.Cluster, { namespace, name });
      if (!cluster) break;
      const deleting = cluster.status?.conditions?.find((c) => c.type === 'Deleting');
      const line = deleting ? `${deleting.reason}: ${deleting.message.replaceAll('\n', ' ')}` : '';
      if (line !== last && options.output !== 'json') print(line);
      last = line;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  await kube.close();
  show(
    options.output,
    { kind: 'Cluster', namespace, name, deleted: options.wait === true },
    () => `Cluster ${namespace}/${name} ${options.wait ? 'deleted' : 'is being deleted'}`,
  );
}

/** `generate cluster`, `get kubeconfig`, `get clusters`, `scale`, `delete cluster`. */
export function registerClusterCommands(program: Command): void {
  const generate = program.command('generate').description('print manifests');
  generate
    .command('cluster <name>')
    .description("print a cluster's manifest from a template (clusterctl's variables)")
    .option('--flavor <flavor>', 'flavour of the template', 'default')
    .option('--from <file>', 'a template of your own')
    .option('--kubernetes-version <version>', 'KUBERNETES_VERSION')
    .option('--control-plane-machine-count <n>', 'CONTROL_PLANE_MACHINE_COUNT')
    .option('--worker-machine-count <n>', 'WORKER_MACHINE_COUNT')
    .option('--set <name=value...>', 'a variable of the template')
    .option('--list-variables', 'list the variables instead')
    .addHelpText(
      'after',
      '\nExample:\n  $ AWS_REGION=us-east-1 AWS_SSH_KEY_NAME=default perdure generate cluster demo --kubernetes-version v1.34.4 | kubectl apply -f -',
    )
    .action((name: string, _local: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<
          GlobalOptions & Record<string, string | undefined> & { set?: string[]; listVariables?: boolean }
        >();
        if (o['flavor'] !== 'default')
          throw new PerdureError(
            'InvalidConfiguration',
            `flavour ${o['flavor']} does not exist; use default, or --from FILE`,
          );
        if (o.listVariables) {
          const list = variablesOf(await readFile(o['from'] ?? templatePath, 'utf8'));
          show(o.output, list, () =>
            table(
              ['VARIABLE', 'DEFAULT'],
              list.map((v) => [v.name, v.default ?? '(required)']),
            ),
          );
          return;
        }
        const sets = Object.fromEntries(
          (o.set ?? []).map((s) => [s.slice(0, s.indexOf('=')), s.slice(s.indexOf('=') + 1)]),
        );
        const flags = {
          KUBERNETES_VERSION: o['kubernetesVersion'],
          CONTROL_PLANE_MACHINE_COUNT: o['controlPlaneMachineCount'],
          WORKER_MACHINE_COUNT: o['workerMachineCount'],
          NAMESPACE: o.namespace,
        };
        const given = Object.fromEntries(Object.entries(flags).filter(([, v]) => v !== undefined));
        print(await generateManifest({ ...childEnvironment(), ...given, ...sets, CLUSTER_NAME: name }, o['from']));
      }),
    );
  const get = program.command('get').description('print things of a cluster');
  get
    .command('kubeconfig <cluster>')
    .description('print the kubeconfig of a workload cluster')
    .addHelpText(
      'after',
      '\nExample:\n  $ perdure get kubeconfig demo > demo.kubeconfig && kubectl --kubeconfig demo.kubeconfig get nodes',
    )
    .action((name: string, _local: unknown, cmd: Command) =>
      command(async () => print(await workloadKubeconfig(cmd.optsWithGlobals(), name))),
    );
  get
    .command('clusters')
    .description('list clusters')
    .action((_local: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<GlobalOptions>();
        const kube = connectKube(o);
        const clusters = await kube.list<Cluster>(KINDS.Cluster, o.namespace ? { namespace: o.namespace } : {});
        await kube.close();
        show(o.output, clusters, () =>
          table(
            ['NAMESPACE', 'NAME', 'PHASE', 'AVAILABLE', 'ENDPOINT'],
            clusters.map((c) => [
              c.metadata.namespace ?? '',
              c.metadata.name,
              c.status?.phase ?? '',
              c.status?.conditions?.find((x) => x.type === 'Available')?.status ?? '',
              endpointOf(c)?.host ?? '',
            ]),
          ),
        );
      }),
    );
  program
    .command('scale <target>')
    .description('set replicas of machinedeployment/NAME, machineset/NAME or kubeadmcontrolplane/NAME')
    .requiredOption('--replicas <n>', 'wanted number of machines')
    .addHelpText('after', '\nExample:\n  $ perdure scale machinedeployment/demo-md-0 --replicas 4')
    .action((target: string, _local: unknown, cmd: Command) => command(() => scale(target, cmd.optsWithGlobals())));
  program
    .command('delete')
    .description('delete things')
    .command('cluster <name>')
    .description('delete a cluster with its machines and its cloud resources')
    .option('--wait', 'stay until it is gone')
    .addHelpText('after', '\nExample:\n  $ perdure delete cluster demo --wait')
    .action((name: string, _local: unknown, cmd: Command) => command(() => remove(name, cmd.optsWithGlobals())));
}

/** Label selector of a cluster's objects, for other commands. */
export const selectorOf = (cluster: string): string => `${LABEL.clusterName}=${cluster}`;
