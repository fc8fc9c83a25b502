import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { drainBegun, drainMessage, isDetached, isDrained, volumesMessage } from '../../domain/drain/message.js';
import {
  type DeletionOutlook,
  hooksOf,
  NOTHING_TO_WAIT_FOR,
  PRE_DRAIN_HOOK,
  PRE_TERMINATE_HOOK,
} from '../../domain/drain/outlook.js';
import { PerdureError } from '../../domain/errors.js';
import type { ActivityDeps } from '../deps.js';
import type { DeletionStage, StageEnd, StageInput } from '../interfaces.js';
import { assessMachine } from '../kube/assess-machine.js';
import { objectEar } from '../waits/ears.js';
import { type Ear, Pace } from '../waits/pause.js';
import { attachedVolumes, type DrainSubject, drainPass } from '../workload/drain.js';
import { type DeletionView, stamp, viewDeletion } from './deletion.js';

/** Why a stage is not over: reason and message of condition Deleting. */
interface Obstacle {
  readonly reason: string;
  readonly message: string;
}

/** One look at a stage, acting on what it finds; undefined when the stage is over. */
type Look = (deps: ActivityDeps, view: DeletionView) => Promise<Obstacle | undefined>;

/** An obstacle is worth an entry in the history of the workflow when it has stood for this many intervals of the poll. */
const WORTH_TELLING = 10;
/** Twenty seconds at the default interval, as upstream, once nothing moves: every look lists the Pods and Namespaces of a cluster. */
const LONGEST_PAUSE = 40;
/** The condition is written anew after this long though nothing changed: how long it takes is part of it. */
const REWRITE_MS = 60_000;

interface Stage {
  readonly applies: keyof DeletionOutlook;
  readonly look: Look;
  /** The Machine and its Cluster tell all that matters: it ends as soon as they do. */
  readonly hears: boolean;
}

const STAGES: Readonly<Record<DeletionStage, Stage>> = {
  'pre-drain': { applies: 'preDrainHooks', look: preDrainHooks, hears: true },
  drain: { applies: 'drain', look: drain, hears: false },
  volumes: { applies: 'volumes', look: volumes, hears: false },
  'pre-terminate': { applies: 'preTerminateHooks', look: preTerminateHooks, hears: true },
};

function hookEar(deps: ActivityDeps, { machine, cluster }: DeletionView): Ear | undefined {
  const of = [{ kind: KINDS.Machine, object: machine }, ...(cluster ? [{ kind: KINDS.Cluster, object: cluster }] : [])];
  return objectEar(deps, of);
}

/**
 * Waits out one stage of a Machine's deletion: looks again and again, so that a hook removed, a time-out set or a Cluster deleted meanwhile counts at once;
 * says on the Machine what it waits for. Answers which stages apply next, or what has been in the way for long when `told` names something else. Safe to run
 * again: what is done is seen to be done.
 */
export async function awaitDeletionStage(
  deps: ActivityDeps,
  { key, stage, told, quiet }: StageInput & { readonly key: ObjectKey },
): Promise<StageEnd> {
  const { applies, look, hears } = STAGES[stage];
  const { signal } = deps.scope();
  let pace: Pace | undefined;
  let written = '';
  let writtenAt = 0;
  let standing = { message: '', since: Date.now() };
  for (;;) {
    const view = await viewDeletion(deps, key);
    if (!view?.outlook[applies]) return { next: view?.outlook ?? NOTHING_TO_WAIT_FOR };
    const obstacle = await look(deps, view);
    if (!obstacle) return { next: await following(deps, key, stage, view) };
    const { message } = obstacle;
    deps.scope().heartbeat(message.slice(0, 1_000));
    if (message !== written || Date.now() - writtenAt > REWRITE_MS) {
      await assessMachine(deps, key, obstacle);
      written = message;
      writtenAt = Date.now();
    }
    if (message !== standing.message) standing = { message, since: Date.now() };
    const stood = Date.now() - standing.since > WORTH_TELLING * deps.pollMs;
    if (stood && !quiet && message !== told) return { next: view.outlook, waitingFor: message };
    pace ??= new Pace(deps.pollMs, signal, hears ? hookEar(deps, view) : undefined, LONGEST_PAUSE);
    await pace.rest(message);
  }
}

/** What applies after a stage that is over. A Node without volumes is seen here, which saves its stage. */
async function following(
  deps: ActivityDeps,
  key: ObjectKey,
  stage: DeletionStage,
  before: DeletionView,
): Promise<DeletionOutlook> {
  const view = await viewDeletion(deps, key);
  if (!view) return NOTHING_TO_WAIT_FOR;
  if (stage !== 'drain' || !view.outlook.volumes) return view.outlook;
  const subject = subjectOf(before);
  const left = subject && (await attachedVolumes(deps, subject).catch(() => ({ unknown: true })));
  return { ...view.outlook, volumes: left !== undefined };
}

function subjectOf({ machine, cluster, nodeName }: DeletionView): DrainSubject | undefined {
  return cluster && nodeName !== undefined ? { machine, cluster, nodeName } : undefined;
}

async function preDrainHooks(deps: ActivityDeps, { machine }: DeletionView): Promise<Obstacle> {
  await stamp(deps, machine, 'waitForPreDrainHookStartTime');
  const hooks = hooksOf(machine, PRE_DRAIN_HOOK).join(',');
  return { reason: 'WaitingForPreDrainHook', message: `Waiting for pre-drain hooks to succeed (hooks: ${hooks})` };
}

async function preTerminateHooks(deps: ActivityDeps, { machine }: DeletionView): Promise<Obstacle> {
  await stamp(deps, machine, 'waitForPreTerminateHookStartTime');
  const hooks = hooksOf(machine, PRE_TERMINATE_HOOK).join(',');
  return {
    reason: 'WaitingForPreTerminateHook',
    message: `Waiting for pre-terminate hooks to succeed (hooks: ${hooks})`,
  };
}

async function drain(deps: ActivityDeps, view: DeletionView): Promise<Obstacle | undefined> {
  const subject = subjectOf(view);
  if (!subject) return undefined;
  const { machine, nodeName } = subject;
  const begun = await stamp(deps, machine, 'nodeDrainStartTime');
  const reason = 'DrainingNode';
  try {
    const left = await drainPass(deps, subject);
    if (!isDrained(left)) return { reason, message: drainMessage(left, begun) };
    deps.event(machine, 'Normal', 'SuccessfulDrainNode', `success draining Machine's node "${nodeName}"`);
    return undefined;
  } catch (error) {
    const why = problemOf(deps, error);
    deps.event(machine, 'Warning', 'FailedDrainNode', `error draining Machine's node "${nodeName}": ${why}`);
    return { reason, message: `${drainBegun(begun)}\n* ${why}` };
  }
}

async function volumes(deps: ActivityDeps, view: DeletionView): Promise<Obstacle | undefined> {
  const subject = subjectOf(view);
  if (!subject) return undefined;
  const { machine, nodeName } = subject;
  const begun = await stamp(deps, machine, 'waitForNodeVolumeDetachStartTime');
  const reason = 'WaitingForVolumeDetach';
  try {
    const left = await attachedVolumes(deps, subject);
    if (left && !isDetached(left)) return { reason, message: volumesMessage(left, begun) };
    const text = `success waiting for node volumes detaching Machine's node "${nodeName}"`;
    deps.event(machine, 'Normal', 'NodeVolumesDetached', text);
    return undefined;
  } catch (error) {
    const why = problemOf(deps, error);
    const text = `error waiting for node volumes detaching, Machine's node "${nodeName}": ${why}`;
    deps.event(machine, 'Warning', 'FailedWaitForVolumeDetach', text);
    return { reason, message: `Waiting for Node volumes to be detached (started at ${begun})\n* ${why}` };
  }
}

/** What the world refused; anything else is a bug, or the end of this call, and thrown. */
function problemOf(deps: ActivityDeps, error: unknown): string {
  deps.scope().signal.throwIfAborted();
  if (!(error instanceof PerdureError) || error.type === 'Bug') throw error;
  return error.message;
}
