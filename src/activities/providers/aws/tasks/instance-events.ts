import type { AWSCluster, AWSTags } from '../../../../api/types/aws.js';
import { eventPattern, queuePolicy } from '../../../../domain/aws/instance-events.js';
import { PerdureError } from '../../../../domain/errors.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { sameJson } from '../equal.js';
import { isAbsent } from '../errors.js';
import { base36 } from '../names.js';
import type { ClusterScope, ClusterView } from '../scope.js';
import { missingTags, ownedTags, ownershipOf, tagList, tagMap } from '../tags.js';
import { defineTask } from '../task.js';

/** On an AWSCluster: the queue that was made for it; it is removed even when the gate has been turned off since. */
export const EVENTS_ANNOTATION = 'perdure.dev/aws-instance-events';
/** Seconds; whoever comes later looks for himself. */
const RETENTION = '3600';
const TARGET = 'queue';

interface Observed {
  readonly queueUrl: string | undefined;
  readonly queueArn: string | undefined;
  readonly queueTags: AWSTags;
  readonly policy: unknown;
  readonly ruleArn: string | undefined;
  readonly pattern: unknown;
  readonly targets: readonly string[];
}

/** True when the cluster has, or may have, a queue of its own. */
export function wantsInstanceEvents(cloud: Cloud, { metadata }: AWSCluster): boolean {
  return cloud.deps.instanceEvents === true || metadata.annotations?.[EVENTS_ANNOTATION] !== undefined;
}

/** Name of queue and rule: upstream's are by the cluster's name, which repeats; queues take no dots. */
export const eventsName = ({ clusterName, clusterId }: Pick<ClusterView, 'clusterName' | 'clusterId'>): string =>
  `${clusterName.slice(0, 40).replaceAll('.', '-')}-${base36(clusterId, 8)}-instances`;

/** A queue that is told when instances change, by a rule of EventBridge. Source: capa pkg/cloud/services/instancestate. */
export function instanceEventsTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'instance-events',
    title: 'Ensure instance events',
    dependsOn: [],
    condition: 'InstanceEventsReady',
    observe,
    plan,
    apply,
    remove,
  });
}

async function orAbsent<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return undefined;
  }
}

const parsed = (text: string | undefined): unknown => (text ? (JSON.parse(text) as unknown) : undefined);

async function observe(scope: ClusterScope): Promise<Observed> {
  const { sqs, eventbridge } = scope.aws;
  const name = eventsName(scope);
  const queueUrl = (await orAbsent(() => sqs.getQueueUrl({ QueueName: name })))?.QueueUrl;
  const attributes =
    queueUrl &&
    (await orAbsent(() => sqs.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ['QueueArn', 'Policy'] })));
  const tags = queueUrl && (await orAbsent(() => sqs.listQueueTags({ QueueUrl: queueUrl })));
  const rule = await orAbsent(() => eventbridge.describeRule({ Name: name }));
  const targets = rule && (await orAbsent(() => eventbridge.listTargetsByRule({ Rule: name })));
  const { QueueArn, Policy } = (attributes || undefined)?.Attributes ?? {};
  return {
    queueUrl,
    queueArn: QueueArn,
    queueTags: (tags || undefined)?.Tags ?? {},
    policy: parsed(Policy),
    ruleArn: rule?.Arn,
    pattern: parsed(rule?.EventPattern),
    targets: (targets?.Targets ?? []).map(({ Arn = '' }) => Arn),
  };
}

function wantedTags(view: ClusterView): AWSTags {
  const additional = view.object.spec.additionalTags;
  return ownedTags({ ...view, name: eventsName(view), role: 'common', key: 'instance-events', additional });
}

function plan(view: ClusterView, observed: Observed): Change[] {
  const { queueUrl, queueArn, queueTags, policy, ruleArn, pattern, targets } = observed;
  const name = eventsName(view);
  const change = (action: Change['action'], resource: string, detail: string): Change => ({
    action,
    resource,
    name,
    detail,
  });
  if (!queueUrl || !queueArn) return [change('create', 'queue', 'for changes of instances'), ...ruleOf(change)];
  return [
    ...(Object.keys(missingTags(wantedTags(view), queueTags)).length > 0 ? [change('update', 'queue', 'tags')] : []),
    ...(ruleArn && sameJson(policy, queuePolicy(queueArn, ruleArn)) ? [] : [change('update', 'queue', 'policy')]),
    ...(ruleArn && sameJson(pattern, eventPattern()) && targets.includes(queueArn) ? [] : ruleOf(change)),
  ];
}

const ruleOf = (change: (action: Change['action'], resource: string, detail: string) => Change): Change[] => [
  change('update', 'rule', 'tells the queue of changes of instances'),
];

async function apply(scope: ClusterScope, { queueUrl, queueTags }: Observed): Promise<void> {
  const { sqs, eventbridge } = scope.aws;
  const name = eventsName(scope);
  const tags = wantedTags(scope);
  if (queueUrl) refuseForeign(scope, queueTags);
  await scope.record((_, metadata) => {
    metadata.annotations = { ...metadata.annotations, [EVENTS_ANNOTATION]: name };
  });
  const url =
    queueUrl ??
    (await sqs.createQueue({ QueueName: name, Attributes: { MessageRetentionPeriod: RETENTION }, tags })).QueueUrl ??
    '';
  const Tags = missingTags(tags, queueTags);
  if (queueUrl && Object.keys(Tags).length > 0) await sqs.tagQueue({ QueueUrl: url, Tags });
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: url, AttributeNames: ['QueueArn'] });
  const queueArn = Attributes?.QueueArn ?? '';
  const { RuleArn = '' } = await eventbridge.putRule({
    Name: name,
    EventPattern: JSON.stringify(eventPattern()),
    State: 'ENABLED',
    Tags: tagList(tags),
  });
  const Policy = JSON.stringify(queuePolicy(queueArn, RuleArn));
  await sqs.setQueueAttributes({ QueueUrl: url, Attributes: { Policy } });
  await eventbridge.putTargets({ Rule: name, Targets: [{ Id: TARGET, Arn: queueArn }] });
}

function refuseForeign(scope: ClusterScope, tags: AWSTags): void {
  if (ownershipOf(tags, scope) === 'ours') return;
  const name = eventsName(scope);
  throw new PerdureError('OwnershipConflict', `queue ${name} does not carry the cluster's id; remove or tag it`, {
    details: { queue: name },
  });
}

/** The rule first: without a queue it would fail to deliver. */
async function remove(scope: ClusterScope): Promise<void> {
  const { sqs, eventbridge } = scope.aws;
  const name = eventsName(scope);
  const rule = await orAbsent(() => eventbridge.describeRule({ Name: name }));
  if (rule?.Arn) {
    const { Tags } = await eventbridge.listTagsForResource({ ResourceARN: rule.Arn });
    if (ownershipOf(tagMap(Tags), scope) === 'ours') {
      await orAbsent(() => eventbridge.removeTargets({ Rule: name, Ids: [TARGET] }));
      await orAbsent(() => eventbridge.deleteRule({ Name: name }));
    }
  }
  const QueueUrl = (await orAbsent(() => sqs.getQueueUrl({ QueueName: name })))?.QueueUrl;
  const tags = QueueUrl && (await orAbsent(() => sqs.listQueueTags({ QueueUrl })));
  if (QueueUrl && ownershipOf((tags || undefined)?.Tags, scope) === 'ours')
    await orAbsent(() => sqs.deleteQueue({ QueueUrl }));
}
