import type { Cluster } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { generateManifest } from '../../src/cli/commands/generate.js';
import { runProgram, untilTrue } from '../../src/cli/demo/wait.js';
import { isTrue } from '../../src/domain/conditions.js';
import type { Point } from '../../src/sandbox/chaos/points.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import type { Arena } from './arena.js';
import { type Census, census, deviations } from './count.js';
import { gone, NEVER_MS, type Size, settled, type Target } from './look.js';

export const CORE_PHASES = ['create', 'scale-out', 'scale-in', 'delete'] as const;
export const CONTROL_PLANE_PHASES = ['control-plane-out', 'control-plane-in'] as const;
export type Phase = (typeof CORE_PHASES)[number] | (typeof CONTROL_PLANE_PHASES)[number];

/** What every life of a run is compared with: the census at the end of each phase of an undisturbed life. */
export type Reference = Map<Phase, Census>;

export interface Life {
  readonly target: Target;
  readonly controlPlane: boolean;
  /** Points at which a process dies. */
  readonly kills: readonly Point[];
  /** The cluster is deleted as soon as its making passes this point. */
  readonly cutAt?: Point;
  /** Runs beside each phase; its signal fires when the phase is over. */
  readonly disturb?: (phase: Phase, over: AbortSignal) => Promise<void>;
  readonly say: (line: string) => void;
}

export interface Lived {
  readonly seconds: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** The phases of a life in order. */
export const phasesOf = (controlPlane: boolean): Phase[] =>
  controlPlane ? ['create', 'scale-out', 'scale-in', ...CONTROL_PLANE_PHASES, 'delete'] : [...CORE_PHASES];

/** How large the cluster is after each phase. */
const SIZES: Readonly<Record<Exclude<Phase, 'delete'>, Size>> = {
  create: { controlPlane: 1, workers: 1 },
  'scale-out': { controlPlane: 1, workers: 2 },
  'scale-in': { controlPlane: 1, workers: 1 },
  'control-plane-out': { controlPlane: 3, workers: 1 },
  'control-plane-in': { controlPlane: 1, workers: 1 },
};

/**
 * One cluster from manifest to nothing. After every phase it must have converged, with each thing in the cloud exactly once. Without a
 * reference, the life is one: its census is kept. Throws when a phase never ends; deviations are told and the life goes on.
 */
export async function live(arena: Arena, life: Life, reference: Reference): Promise<Lived> {
  const { target, say } = life;
  const seconds: Record<string, number> = {};
  const problems: string[] = [];
  arena.control.arm(target.namespace, life.kills);
  try {
    for (const phase of life.cutAt ? (['create', 'delete'] as const) : phasesOf(life.controlPlane)) {
      const begun = Date.now();
      arena.control.phase(target.namespace, phase);
      const over = new AbortController();
      const disturbed = disturb(life, phase, over.signal);
      try {
        await act(arena, target, phase, say);
        if (life.cutAt && phase === 'create') await comesBy(arena, target, life.cutAt, say);
        else if (phase === 'delete') await gone(arena, target, (line) => say(`${phase}: ${line}`));
        else await settled(arena, target, SIZES[phase], (line) => say(`${phase}: ${line}`));
      } finally {
        over.abort();
      }
      problems.push(
        ...(await disturbed),
        ...(await compare(arena, life, phase, reference)).map((p) => `${phase}: ${p}`),
      );
      seconds[phase] = Math.round((Date.now() - begun) / 100) / 10;
      say(`${phase} done in ${seconds[phase]} s`);
    }
  } finally {
    arena.control.phase(target.namespace, undefined);
  }
  return { seconds, problems };
}

/** Never rejects: what goes wrong with a disturbance is a problem of the life. */
async function disturb(life: Life, phase: Phase, over: AbortSignal): Promise<string[]> {
  try {
    await life.disturb?.(phase, over);
    return [];
  } catch (error) {
    return [`the disturbance failed: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Waits until the making of the cluster has passed a point; one that never comes by is no reason to wait for ever. */
async function comesBy(arena: Arena, target: Target, point: Point, say: (line: string) => void): Promise<void> {
  await untilTrue(point, NEVER_MS, say, async () => {
    const passages = arena.control.journal(target.namespace);
    const available = isTrue((await arena.kube.get<Cluster>(KINDS.Cluster, target))?.status?.conditions, 'Available');
    return available || passages.some((p) => p.point === point)
      ? { done: true, note: '' }
      : { note: `waiting for ${point}` };
  });
}

async function compare(arena: Arena, life: Life, phase: Phase, reference: Reference): Promise<string[]> {
  if (life.cutAt && phase === 'create') return [];
  const seen = await census(arena, life.target);
  const wanted = reference.get(phase);
  if (wanted)
    return deviations(
      phase === 'delete' ? { ...wanted, instancesEver: seen.instancesEver } : { ...wanted, ...instances(life, phase) },
      seen,
    );
  reference.set(phase, seen);
  return [...seen.twice];
}

/** Machines made up to the end of a phase: one each, whatever happened. */
function instances(life: Life, phase: Phase): { instancesEver: number } {
  const made: Readonly<Record<Phase, number>> = {
    create: 2,
    'scale-out': 1,
    'scale-in': 0,
    'control-plane-out': 2,
    'control-plane-in': 0,
    delete: 0,
  };
  const phases = phasesOf(life.controlPlane);
  return { instancesEver: phases.slice(0, phases.indexOf(phase) + 1).reduce((n, p) => n + made[p], 0) };
}

/** What a user does to begin a phase, tried again until the API server takes it, as a user would. */
async function act(arena: Arena, target: Target, phase: Phase, say: (line: string) => void): Promise<void> {
  const { kube, kubectl, layout } = arena;
  const { namespace, name } = target;
  await untilTrue(`the beginning of ${phase}`, NEVER_MS, say, async () => {
    if (phase === 'create') {
      await runProgram(kubectl, ['--kubeconfig', layout.kubeconfig, 'apply', '-f', '-'], await manifest(target));
    } else if (phase === 'delete') {
      await kube.delete(KINDS.Cluster, target);
    } else {
      const { controlPlane, workers } = SIZES[phase];
      const scale = (
        kind: typeof KINDS.MachineDeployment | typeof KINDS.KubeadmControlPlane,
        object: string,
        replicas: number,
      ) => kube.mergePatch(kind, { namespace, name: object }, { spec: { replicas } }, { subresource: 'scale' });
      await scale(KINDS.MachineDeployment, `${name}-md-0`, workers);
      await scale(KINDS.KubeadmControlPlane, `${name}-control-plane`, controlPlane);
    }
    return { done: true, note: '' };
  });
}

async function manifest({ namespace, name }: Target): Promise<string> {
  const cluster = await generateManifest({
    CLUSTER_NAME: name,
    NAMESPACE: namespace,
    AWS_REGION: 'us-east-1',
    AWS_SSH_KEY_NAME: 'default',
    KUBERNETES_VERSION,
    CONTROL_PLANE_MACHINE_COUNT: '1',
    WORKER_MACHINE_COUNT: '1',
  });
  return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n---\n${cluster}`;
}
