import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { generateManifest } from '../../src/cli/commands/generate.js';
import { runProgram } from '../../src/cli/demo/wait.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { healthCheck } from '../e2e/heal-objects.js';
import { killMachine, machineBehind } from '../e2e/machine-faults.js';
import type { Arena } from './arena.js';
import type { Size, Target } from './look.js';

/** The minor before the sandbox's own, which it can boot too. */
const OLD_VERSION = 'v1.33.13';

export type Phase =
  | 'create'
  | 'scale-out'
  | 'scale-in'
  | 'control-plane-out'
  | 'control-plane-in'
  | 'delete'
  | 'birth'
  | 'upgrade'
  | 'exchange'
  | 'heal-control-plane'
  | 'end'
  | 'workers-birth'
  | 'workers-upgrade'
  | 'workers-exchange'
  | 'heal-worker'
  | 'workers-end';

/** One thing that a user does to a cluster, or that befalls it, and what there has to be afterwards. */
export interface Step {
  readonly phase: Phase;
  /** How large the cluster is afterwards; absent: there is none any more. */
  readonly size?: Size;
  /** How many machines more than that, and than before, there may be meanwhile. */
  readonly surge?: Size;
  /** How many machines are made, whatever happens. */
  readonly made: number;
  /** Safe to repeat. Answers the names of Machines that have to go because of it; `before` are those there were. */
  begin(arena: Arena, target: Target, before: readonly Machine[]): Promise<readonly string[]>;
}

/** A life: steps from nothing to nothing. */
export type Course = readonly Step[];

const DEPLOYMENT = 'cluster.x-k8s.io/deployment-name';
const CONTROL_PLANE_LABEL = 'cluster.x-k8s.io/control-plane';
const NONE: readonly string[] = [];
const names = (machines: readonly Machine[]): string[] => machines.map((m) => m.metadata.name);
const isWorker = (machine: Machine): boolean => !isControlPlaneMachine(machine);
const planes = (machines: readonly Machine[]): Machine[] => machines.filter(isControlPlaneMachine);
const workers = (machines: readonly Machine[]): Machine[] => machines.filter(isWorker);

async function apply({ kubectl, layout }: Arena, manifest: string): Promise<void> {
  await runProgram(kubectl, ['--kubeconfig', layout.kubeconfig, 'apply', '-f', '-'], manifest);
}

/** Kubernetes versions of the machines of each role. */
type Versions = Readonly<Record<keyof Size, string>>;

const both = (version: string): Versions => ({ controlPlane: version, workers: version });

async function manifest({ namespace, name }: Target, size: Size, versions: Versions): Promise<string> {
  const cluster = await generateManifest({
    CLUSTER_NAME: name,
    NAMESPACE: namespace,
    AWS_REGION: 'us-east-1',
    AWS_SSH_KEY_NAME: 'default',
    KUBERNETES_VERSION: versions.controlPlane,
    CONTROL_PLANE_MACHINE_COUNT: String(size.controlPlane),
    WORKER_MACHINE_COUNT: String(size.workers),
  });
  const documents = cluster
    .split(/^---$/m)
    .map((text) =>
      /^kind: MachineDeployment$/m.test(text) ? text.replace(versions.controlPlane, versions.workers) : text,
    );
  return [`apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n`, ...documents].join('---\n');
}

const born = (phase: Phase, size: Size, versions: Versions): Step => ({
  phase,
  size,
  made: size.controlPlane + size.workers,
  async begin(arena, target) {
    await apply(arena, await manifest(target, size, versions));
    return NONE;
  },
});

const gone = (phase: Phase): Step => ({
  phase,
  made: 0,
  async begin({ kube }, target) {
    await kube.delete(KINDS.Cluster, target);
    return NONE;
  },
});

const scaled = (phase: Phase, size: Size, made: number): Step => ({
  phase,
  size,
  made,
  async begin({ kube }, { namespace, name }) {
    const scale = (
      kind: typeof KINDS.MachineDeployment | typeof KINDS.KubeadmControlPlane,
      object: string,
      replicas: number,
    ) => kube.mergePatch(kind, { namespace, name: object }, { spec: { replicas } }, { subresource: 'scale' });
    await scale(KINDS.MachineDeployment, `${name}-md-0`, size.workers);
    await scale(KINDS.KubeadmControlPlane, `${name}-control-plane`, size.controlPlane);
    return NONE;
  },
});

const THREE: Size = { controlPlane: 3, workers: 1 };

/** All machines of the control plane are replaced because of a change of its spec. */
const rolled = (phase: Phase, surge: number, spec: () => object): Step => ({
  phase,
  size: THREE,
  surge: { controlPlane: surge, workers: 0 },
  made: THREE.controlPlane,
  async begin({ kube }, { namespace, name }, before) {
    await kube.mergePatch(
      KINDS.KubeadmControlPlane,
      { namespace, name: `${name}-control-plane` },
      { spec: { ...spec(), rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge } } } } },
    );
    return names(planes(before));
  },
});

const PAIR: Size = { controlPlane: 1, workers: 2 };

/** All workers are replaced because of a change of their deployment's spec. */
const workersRolled = (phase: Phase, most: { surge: number; unavailable: number }, spec: () => object): Step => ({
  phase,
  size: PAIR,
  surge: { controlPlane: 0, workers: most.surge },
  made: PAIR.workers,
  async begin({ kube }, { namespace, name }, before) {
    const rollingUpdate = { maxSurge: most.surge, maxUnavailable: most.unavailable };
    const { rollout, ...others } = spec() as { rollout?: object };
    await kube.mergePatch(
      KINDS.MachineDeployment,
      { namespace, name: `${name}-md-0` },
      { spec: { ...others, rollout: { ...rollout, strategy: { type: 'RollingUpdate', rollingUpdate } } } },
    );
    return names(workers(before));
  },
});

/** One machine loses power, and a health check watches over its like. */
const struck = (phase: Phase, size: Size, isVictim: (m: Machine) => boolean): Step => ({
  phase,
  size,
  made: 1,
  async begin(arena, { namespace, name }, before) {
    const labels = isVictim === isWorker ? { [DEPLOYMENT]: `${name}-md-0` } : { [CONTROL_PLANE_LABEL]: '' };
    const check = healthCheck(name, phase, labels);
    const { checks } = check['spec'] as { checks: object };
    const metadata = { namespace, name: phase };
    // boots and busy moments are no illness here: processes die all the time
    const patient = { ...(check['spec'] as object), checks: { ...checks, nodeStartupTimeoutSeconds: 1_800 } };
    await apply(arena, JSON.stringify({ ...check, metadata, spec: patient }));
    const [victim] = before.filter(isVictim);
    if (!victim) throw new Error('there is no machine to strike');
    killMachine(machineBehind(arena.layout, victim));
    return [victim.metadata.name];
  },
});

const CORE: Course = [
  born('create', { controlPlane: 1, workers: 1 }, both(KUBERNETES_VERSION)),
  scaled('scale-out', { controlPlane: 1, workers: 2 }, 1),
  scaled('scale-in', { controlPlane: 1, workers: 1 }, 0),
];
const CONTROL_PLANE: Course = [
  scaled('control-plane-out', THREE, 2),
  scaled('control-plane-in', { controlPlane: 1, workers: 1 }, 0),
];
const DELETE = gone('delete');

/** Created, scaled out and in, deleted. */
export const SCALING: Course = [...CORE, DELETE];
/** The same, and the control plane is scaled 1 → 3 → 1 too. */
export const SCALING_BOTH: Course = [...CORE, ...CONTROL_PLANE, DELETE];
export const CONTROL_PLANE_PHASES: readonly Phase[] = CONTROL_PLANE.map(({ phase }) => phase);

const FILE = { path: '/etc/exchanged', owner: 'root:root', permissions: '0644', content: 'yes\n' };

/**
 * Three control plane machines of one minor go to the next, one more before one less; are exchanged once more without a spare one; and one
 * that loses power is replaced.
 */
export const CONTROL_PLANES: Course = [
  born('birth', THREE, both(OLD_VERSION)),
  rolled('upgrade', 1, () => ({ version: KUBERNETES_VERSION })),
  rolled('exchange', 0, () => ({ kubeadmConfigSpec: { files: [FILE] } })),
  struck('heal-control-plane', THREE, isControlPlaneMachine),
  gone('end'),
];

/** The same for two workers: one more before one less, then one less before one more. */
export const WORKERS: Course = [
  born('workers-birth', PAIR, { controlPlane: KUBERNETES_VERSION, workers: OLD_VERSION }),
  workersRolled('workers-upgrade', { surge: 1, unavailable: 0 }, () => ({
    template: { spec: { version: KUBERNETES_VERSION } },
  })),
  workersRolled('workers-exchange', { surge: 0, unavailable: 1 }, () => ({
    rollout: { after: new Date().toISOString().replace(/\.\d+Z$/, 'Z') },
  })),
  struck('heal-worker', PAIR, isWorker),
  gone('workers-end'),
];

/** The phases of a course at which processes die: birth and end are those of every other life. */
export const midLife = (course: Course): readonly string[] => course.slice(1, -1).map(({ phase }) => phase);

/** A course that ends early: the cluster is deleted in the phase of a step. */
export function cutShort(course: Course, phase: string): Course {
  const index = course.findIndex((step) => step.phase === phase);
  const last = course.at(-1);
  return last && index >= 0 ? [...course.slice(0, index + 1), last] : course;
}

/** The most machines there may be at any time of a step. */
export function mostOf(before: Size | undefined, { size, surge }: Step): Size {
  const most = (role: keyof Size): number => Math.max(before?.[role] ?? 0, size?.[role] ?? 0) + (surge?.[role] ?? 0);
  return { controlPlane: most('controlPlane'), workers: most('workers') };
}
