import type { Command } from 'commander';
import type { Cluster, KubeadmControlPlane, MachineDeployment } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { endpointOf } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { readFailure } from '../../domain/failure.js';
import type { KubeClient } from '../../kube/client.js';
import { type GlobalOptions, withKube } from '../lib/connect.js';
import { workloadKubeconfig } from '../lib/kubeconfig.js';
import { examples, whole } from '../lib/options.js';
import { command, print, show, table } from '../lib/output.js';
import { parseTarget } from '../lib/target.js';

const SCALABLE = [KINDS.MachineDeployment, KINDS.MachineSet, KINDS.MachinePool, KINDS.KubeadmControlPlane];

async function scale(target: string, options: GlobalOptions & { readonly replicas: number }): Promise<void> {
  const { replicas } = options;
  const { kind, name } = parseTarget(target.includes('/') ? target : `machinedeployment/${target}`, SCALABLE);
  const namespace = options.namespace ?? 'default';
  const ref = { namespace, name };
  const from = await withKube(options, async (kube) => {
    const before = await kube.get<KubeadmControlPlane | MachineDeployment>(kind, ref);
    if (!before) throw new PerdureError('NotFound', `${kind.kind} ${namespace}/${name} does not exist`);
    await kube.mergePatch(kind, ref, { spec: { replicas } }, { subresource: 'scale' });
    return before.spec.replicas ?? 1;
  });
  show(
    options.output,
    { kind: kind.kind, namespace, name, from, to: replicas },
    () => `${kind.kind} ${namespace}/${name}: ${from} → ${replicas}`,
  );
}

async function remove(name: string, options: GlobalOptions & { readonly wait?: boolean }): Promise<void> {
  const namespace = options.namespace ?? 'default';
  await withKube(options, async (kube) => {
    const existed = await kube.delete(KINDS.Cluster, { namespace, name });
    if (!existed) throw new PerdureError('NotFound', `Cluster ${namespace}/${name} does not exist`);
    if (options.wait) await untilGone(kube, { namespace, name }, options.output === 'json' ? () => undefined : print);
  });
  show(
    options.output,
    { kind: 'Cluster', namespace, name, deleted: options.wait === true },
    () => `Cluster ${namespace}/${name} ${options.wait ? 'deleted' : 'is being deleted'}`,
  );
}

const LOOK_MS = 500;

/** Says, whenever it changes, what a deletion waits for. */
async function untilGone(
  kube: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
  say: (line: string) => void,
): Promise<void> {
  let last = '';
  for (;;) {
    const cluster = await kube.get<Cluster>(KINDS.Cluster, ref);
    if (!cluster) return;
    const deleting = cluster.status?.conditions?.find((c) => c.type === 'Deleting');
    const failure = readFailure(cluster);
    const line = failure
      ? `${failure.operation} failed: ${failure.type}: ${failure.message}`
      : deleting
        ? `${deleting.reason}: ${deleting.message.replaceAll('\n', ' ')}`
        : '';
    if (line !== last) say(line);
    last = line;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function getClusters(options: GlobalOptions): Promise<void> {
  const clusters = await withKube(options, (kube) =>
    kube.list<Cluster>(KINDS.Cluster, options.namespace ? { namespace: options.namespace } : {}),
  );
  const row = (c: Cluster): string[] => [
    c.metadata.namespace ?? '',
    c.metadata.name,
    c.status?.phase ?? '',
    c.status?.conditions?.find((x) => x.type === 'Available')?.status ?? '',
    endpointOf(c)?.host ?? '',
  ];
  show(options.output, clusters, () =>
    clusters.length > 0
      ? table(['NAMESPACE', 'NAME', 'PHASE', 'AVAILABLE', 'ENDPOINT'], clusters.map(row))
      : 'no clusters',
  );
}

async function getKubeconfig(name: string, options: GlobalOptions): Promise<void> {
  const kubeconfig = await workloadKubeconfig(options, name);
  show(options.output, { kubeconfig }, () => kubeconfig.trimEnd());
}

/** `get kubeconfig`, `get clusters`, `scale`, `delete cluster`. */
export function registerClusterCommands(program: Command): void {
  const get = program
    .command('get')
    .description('print things of a cluster')
    .addHelpText('after', examples('perdure get clusters'));
  get
    .command('kubeconfig <cluster>')
    .description('print the kubeconfig of a workload cluster')
    .addHelpText(
      'after',
      examples('perdure get kubeconfig demo > demo.kubeconfig && kubectl --kubeconfig demo.kubeconfig get nodes'),
    )
    .action((name: string, _l: unknown, cmd: Command) => command(() => getKubeconfig(name, cmd.optsWithGlobals())));
  get
    .command('clusters')
    .description('list clusters, of all namespaces unless one is given')
    .addHelpText('after', examples('perdure get clusters', 'perdure get clusters -n team-a -o json'))
    .action((_l: unknown, cmd: Command) => command(() => getClusters(cmd.optsWithGlobals())));
  program
    .command('scale <target>')
    .description('set replicas of machinedeployment/NAME, machineset/NAME or kubeadmcontrolplane/NAME')
    .requiredOption('--replicas <n>', 'wanted number of machines', whole(0))
    .addHelpText('after', examples('perdure scale machinedeployment/demo-md-0 --replicas 4'))
    .action((target: string, _l: unknown, cmd: Command) => command(() => scale(target, cmd.optsWithGlobals())));
  program
    .command('delete')
    .description('delete things')
    .addHelpText('after', examples('perdure delete cluster demo --wait'))
    .command('cluster <name>')
    .description('delete a cluster with its machines and its cloud resources')
    .option('--wait', 'stay until it is gone')
    .addHelpText('after', examples('perdure delete cluster demo --wait'))
    .action((name: string, _l: unknown, cmd: Command) => command(() => remove(name, cmd.optsWithGlobals())));
}
