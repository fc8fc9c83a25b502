import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormation, type CloudFormationClientConfig, type Stack } from '@aws-sdk/client-cloudformation';
import { hasCode } from './errors.js';
import { pages } from './pages.js';
import { tagList } from './tags.js';

/** A stack as it should be. */
export interface StackWish {
  readonly name: string;
  /** A template, JSON. */
  readonly template: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StackOptions {
  /** Absent: that of the environment, as the AWS command line has it. */
  readonly region?: string | undefined;
  /** Absent: AWS's own. */
  readonly endpoint?: string | undefined;
  readonly credentials?: CloudFormationClientConfig['credentials'];
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  /** Told of every new state. */
  readonly onState?: (state: string) => void;
}

const POLL_MS = 2_000;

/**
 * Makes or changes a stack and waits until that is done. Safe to run again at any time: a change on its way is waited for first. Answers what it did; throws with what
 * CloudFormation says of the resources that failed.
 */
export async function applyStack(wish: StackWish, options: StackOptions): Promise<'created' | 'updated' | 'unchanged'> {
  const cloudformation = clientOf(options);
  const request = {
    StackName: wish.name,
    TemplateBody: wish.template,
    Capabilities: ['CAPABILITY_IAM' as const, 'CAPABILITY_NAMED_IAM' as const],
    Tags: tagList(wish.tags),
  };
  const before = await settled(cloudformation, wish.name, options);
  if (!before) {
    await cloudformation.createStack(request);
    await finished(cloudformation, wish.name, options);
    return 'created';
  }
  if (before.StackStatus === 'ROLLBACK_COMPLETE' || before.StackStatus === 'ROLLBACK_FAILED')
    throw new Error(`stack ${wish.name} was never made whole and cannot be changed: delete it, then apply again`);
  try {
    await cloudformation.updateStack(request);
  } catch (error) {
    if (hasCode(error, 'ValidationError') && /no updates are to be performed/i.test((error as Error).message))
      return 'unchanged';
    throw error;
  }
  await finished(cloudformation, wish.name, options);
  return 'updated';
}

/** Deletes a stack and waits until it is gone; absent is success. */
export async function deleteStack(name: string, options: StackOptions): Promise<'deleted' | 'absent'> {
  const cloudformation = clientOf(options);
  const before = await settled(cloudformation, name, options);
  if (!before) return 'absent';
  await cloudformation.deleteStack({ StackName: name });
  // by id: a stack that is gone has no name any more
  await finished(cloudformation, before.StackId ?? name, options);
  return 'deleted';
}

function clientOf({ region, endpoint, credentials }: StackOptions): CloudFormation {
  return new CloudFormation({
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials } : {}),
    customUserAgent: 'perdure',
  });
}

/** The stack when nothing is being done to it; undefined when there is none. */
async function settled(api: CloudFormation, name: string, options: StackOptions): Promise<Stack | undefined> {
  let state = '';
  for (;;) {
    const stack = await read(api, name, options.signal);
    const now = stack?.StackStatus ?? 'DELETE_COMPLETE';
    if (now !== state) options.onState?.(now);
    state = now;
    if (!now.endsWith('_IN_PROGRESS')) return now === 'DELETE_COMPLETE' ? undefined : stack;
    await sleep(options.pollMs ?? POLL_MS, undefined, { signal: options.signal });
  }
}

async function read(api: CloudFormation, StackName: string, abortSignal: AbortSignal): Promise<Stack | undefined> {
  try {
    const { Stacks = [] } = await api.describeStacks({ StackName }, { abortSignal });
    return Stacks[0];
  } catch (error) {
    if (hasCode(error, 'ValidationError') && /does not exist/i.test((error as Error).message)) return undefined;
    throw error;
  }
}

async function finished(api: CloudFormation, name: string, options: StackOptions): Promise<void> {
  const stack = await settled(api, name, options);
  const state = stack?.StackStatus ?? 'DELETE_COMPLETE';
  if (/^(CREATE|UPDATE|DELETE)_COMPLETE$/.test(state)) return;
  const why = await failuresOf(api, name, options.signal);
  throw new Error(`stack ${name} is ${state}${why.length > 0 ? `: ${why.join('; ')}` : ''}`);
}

/** What failed first is why. */
async function failuresOf(api: CloudFormation, StackName: string, abortSignal: AbortSignal): Promise<string[]> {
  const events = await pages(async (NextToken) => {
    const page = await api.describeStackEvents({ StackName, ...(NextToken ? { NextToken } : {}) }, { abortSignal });
    return { items: page.StackEvents ?? [], next: page.NextToken };
  });
  const failed = events.filter((one) => one.ResourceStatus?.endsWith('_FAILED') && one.ResourceStatusReason);
  return failed
    .reverse()
    .slice(0, 3)
    .map((one) => `${one.LogicalResourceId}: ${one.ResourceStatusReason}`);
}
