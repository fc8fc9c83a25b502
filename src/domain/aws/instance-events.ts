/** Which events a queue of instance changes is told of; whoever launched an instance waits for it anyway. Source: AWS, EC2 instance state-change notifications. */
export const eventPattern = () => ({
  source: ['aws.ec2'],
  'detail-type': ['EC2 Instance State-change Notification'],
  detail: { state: ['running', 'stopping', 'stopped', 'shutting-down', 'terminated'] },
});

/** Lets one rule of EventBridge send to a queue, and nobody else. */
export const queuePolicy = (queueArn: string, ruleArn: string) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'InstanceEvents',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: queueArn,
      Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
    },
  ],
});

export interface InstanceChange {
  readonly instance: string;
  /** As EC2 names it, e.g. `shutting-down`. */
  readonly state: string;
}

/** What a message of the queue says; undefined for what is no such event. Pure. */
export function instanceChange(body: string | undefined): InstanceChange | undefined {
  try {
    const { source, detail } = JSON.parse(body ?? '') as { source?: unknown; detail?: Record<string, unknown> };
    const { 'instance-id': instance, state } = detail ?? {};
    if (source !== 'aws.ec2' || typeof instance !== 'string' || typeof state !== 'string') return undefined;
    return { instance, state };
  } catch {
    return undefined;
  }
}
