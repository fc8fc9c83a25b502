import { setTimeout as sleep } from 'node:timers/promises';
import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import type { Cluster } from '../../../api/types/core.js';
import { KINDS } from '../../../api/types/kinds.js';
import { type InstanceChange, instanceChange } from '../../../domain/aws/instance-events.js';
import { ANNOTATION, LABEL } from '../../../domain/names.js';
import type { CallContext, Drift } from '../port.js';
import type { Cloud } from './cloud.js';
import { isAbsent } from './errors.js';
import { DEFAULT_IDENTITY } from './identity.js';
import { instanceIdOf } from './machine-scope.js';
import { FIELD_MANAGER } from './scope.js';
import { EVENTS_ANNOTATION, eventsName } from './tasks/instance-events.js';

/** Upstream's, on an AWSMachine: the state that EC2 told last. Source: capa exp/instancestate. */
const STATE_LABEL = 'ec2-instance-state';
const LONG_POLL_SECONDS = 20;
const AGAIN_MS = 5_000;

interface Listened {
  readonly namespace: string;
  readonly clusterName: string;
  readonly region: string;
  readonly name: string;
  readonly infraCluster: AWSCluster;
}

/**
 * Listens to the queues of clusters until `until` (milliseconds since the epoch) and tells of every instance whose state is not the one on record. A message is deleted
 * after that, so that none is lost by a death; the same one twice changes nothing. What others in the account do is left aside.
 */
export async function listen(
  cloud: Cloud,
  ctx: CallContext,
  clusters: readonly { readonly cluster: Cluster; readonly infraCluster: AWSCluster }[],
  until: number,
  tell: (drift: Drift) => Promise<void>,
): Promise<void> {
  const listened = clusters.flatMap(({ cluster, infraCluster }): Listened[] => {
    const { annotations = {}, name: clusterName, namespace = '' } = cluster.metadata;
    const clusterId = annotations[ANNOTATION.id];
    const region = infraCluster.spec.region;
    if (!clusterId || !region || infraCluster.metadata.annotations?.[EVENTS_ANNOTATION] === undefined) return [];
    return [{ namespace, clusterName, region, name: eventsName({ clusterName, clusterId }), infraCluster }];
  });
  const beating = setInterval(() => ctx.heartbeat(`listening to ${listened.length} queues`), 5_000);
  try {
    await Promise.all(listened.map((one) => listenTo(cloud, ctx, one, until, tell)));
  } finally {
    clearInterval(beating);
  }
}

async function listenTo(
  cloud: Cloud,
  ctx: CallContext,
  one: Listened,
  until: number,
  tell: (drift: Drift) => Promise<void>,
): Promise<void> {
  const { kube, signal } = ctx;
  const identity = one.infraCluster.spec.identityRef ?? DEFAULT_IDENTITY;
  while (cloud.deps.now().getTime() < until) {
    signal.throwIfAborted();
    const left = Math.ceil((until - cloud.deps.now().getTime()) / 1_000);
    try {
      // anew each time: credentials of identities may have changed
      const { sqs } = await cloud.open({ kube, signal, namespace: one.namespace, region: one.region, identity });
      const { QueueUrl } = await sqs.getQueueUrl({ QueueName: one.name });
      const WaitTimeSeconds = Math.max(0, Math.min(LONG_POLL_SECONDS, left));
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds });
      if (Messages.length === 0) continue;
      await handle(
        ctx,
        one,
        Messages.flatMap(({ Body }) => instanceChange(Body) ?? []),
        tell,
      );
      const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
      await sqs.deleteMessageBatch({ QueueUrl, Entries });
    } catch (error) {
      if (signal.aborted) throw error;
      // the cluster is on its way out
      if (isAbsent(error)) return;
      ctx.log.warn('cannot listen to changes of instances', { queue: one.name, error: String(error) });
      await sleep(AGAIN_MS, undefined, { signal });
    }
  }
}

async function handle(
  { kube, signal }: CallContext,
  { namespace, clusterName }: Listened,
  changes: readonly InstanceChange[],
  tell: (drift: Drift) => Promise<void>,
): Promise<void> {
  const options = { namespace, labelSelector: `${LABEL.clusterName}=${clusterName}` };
  const machines = await kube.list<AWSMachine>(KINDS.AWSMachine, options, signal);
  // the last word on each instance
  const states = new Map(changes.map(({ instance, state }) => [instance, state]));
  for (const machine of machines) {
    const { metadata, status } = machine;
    const instance = instanceIdOf(machine) ?? '';
    const state = states.get(instance);
    const owner = metadata.ownerReferences?.find((reference) => reference.kind === 'Machine');
    if (state === undefined || !owner || metadata.deletionTimestamp) continue;
    const ref = { namespace, name: metadata.name };
    const patch = { metadata: { labels: { [STATE_LABEL]: state } } };
    await kube.mergePatch(KINDS.AWSMachine, ref, patch, { fieldManager: FIELD_MANAGER, signal });
    if (state === status?.instanceState) continue;
    const detail = `instance ${instance} is ${state}, was ${status?.instanceState ?? 'absent'}`;
    await tell({ namespace, kind: 'Machine', name: owner.name, detail });
  }
}
