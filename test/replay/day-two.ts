import { KINDS } from '../../src/api/types/kinds.js';
import type { ResourceKind } from '../../src/api/types/meta.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { applyCluster, deleteCluster, machinesOf, NAMESPACE, settled, type Wanted } from '../e2e/cluster.js';
import { healthCheck } from '../e2e/heal-objects.js';
import { killMachine, machineBehind } from '../e2e/machine-faults.js';
import { create } from '../e2e/objects.js';
import { poolObjects, poolSettled } from '../e2e/pool-objects.js';
import { type TestSandbox, until } from '../e2e/sandbox.js';

const NAME = 'day';
const FROM = 'v1.33.13';
const SECONDS = 900;

/** Upgraded, given a pool for a while, scaled out, healed of the loss of machines, and deleted: on machines that boot. */
export async function dayTwo(s: TestSandbox, say: (line: string) => void): Promise<void> {
  let wanted: Wanted = {
    name: NAME,
    controlPlane: 1,
    workers: 1,
    versions: { controlPlane: FROM, workers: FROM },
  };
  const becomes = async (next: Partial<Wanted>): Promise<void> => {
    wanted = { ...wanted, ...next };
    await settled(s, wanted, say, SECONDS);
  };
  await applyCluster(s, wanted);
  await becomes({});
  await patch(s, KINDS.KubeadmControlPlane, `${NAME}-control-plane`, { version: KUBERNETES_VERSION });
  await becomes({ versions: { controlPlane: KUBERNETES_VERSION, workers: FROM } });
  await patch(s, KINDS.MachineDeployment, `${NAME}-md-0`, { template: { spec: { version: KUBERNETES_VERSION } } });
  await becomes({ versions: { controlPlane: KUBERNETES_VERSION, workers: KUBERNETES_VERSION } });
  await pooled(s, say);
  await create(s.kube, [healthCheck(NAME, 'workers', { 'cluster.x-k8s.io/deployment-name': `${NAME}-md-0` })]);
  await loses(s, wanted, false, say);
  await patch(s, KINDS.KubeadmControlPlane, `${NAME}-control-plane`, { replicas: 3 });
  await becomes({ controlPlane: 3 });
  await create(s.kube, [healthCheck(NAME, 'control-plane', { 'cluster.x-k8s.io/control-plane': '' })]);
  await loses(s, wanted, true, say);
  await deleteCluster(s, NAME);
}

const patch = (s: TestSandbox, kind: ResourceKind, name: string, spec: object): Promise<unknown> =>
  s.kube.mergePatch(kind, { namespace: NAMESPACE, name }, { spec });

/** A pool is made, made bigger, and deleted. */
async function pooled(s: TestSandbox, say: (line: string) => void): Promise<void> {
  const name = `${NAME}-pool`;
  await create(s.kube, poolObjects(NAME, name, KUBERNETES_VERSION, 1));
  await poolSettled(s, name, 1, SECONDS);
  say('   a pool of one');
  await patch(s, KINDS.MachinePool, name, { replicas: 2 });
  await poolSettled(s, name, 2, SECONDS);
  say('   a pool of two');
  await s.kube.delete(KINDS.MachinePool, { namespace: NAMESPACE, name });
  await until(
    'the end of the pool',
    async () => ((await s.kube.get(KINDS.MachinePool, { namespace: NAMESPACE, name })) ? undefined : true),
    { seconds: SECONDS },
  );
}

/** A machine loses power; another one takes its place. */
async function loses(
  s: TestSandbox,
  wanted: Wanted,
  controlPlane: boolean,
  say: (line: string) => void,
): Promise<void> {
  const victim = (await machinesOf(s.kube, wanted.name)).find((m) => isControlPlaneMachine(m) === controlPlane);
  if (!victim) throw new Error('no such Machine');
  const { name } = victim.metadata;
  killMachine(machineBehind(s.layout, victim));
  await until(
    `the end of Machine ${name}`,
    async () => ((await s.kube.get(KINDS.Machine, { namespace: NAMESPACE, name })) ? undefined : true),
    { seconds: SECONDS },
  );
  await settled(s, wanted, say, SECONDS);
}
