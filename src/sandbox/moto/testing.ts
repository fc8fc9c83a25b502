import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { type MotoHandle, startMoto } from './server.js';
import type { MotoDelays } from './types.js';

/** Where tests keep the Python environment: the per-user cache, so that it is built once. */
export function motoCacheDir(): string {
  return join(homedir(), '.cache', 'perdure');
}

/** An emulated AWS for one test file; it ends with the test process, or earlier by `stop`, which also removes its folder. */
export async function startTestMoto(delays: MotoDelays = {}): Promise<MotoHandle> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-moto-'));
  const moto = await startMoto({ dir, cacheDir: motoCacheDir(), delays, lifetime: 'parent' });
  return {
    ...moto,
    stop: async () => {
      await moto.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface TestCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const ANYONE: TestCredentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'anything' };

/** AWS clients for `endpoint` that never retry, so that a test sees every answer. */
export function testClients(endpoint: string, region = 'us-east-1', credentials: TestCredentials = ANYONE) {
  const config = { endpoint, region, credentials, maxAttempts: 1 };
  return {
    autoscaling: new AutoScalingClient(config),
    ec2: new EC2Client(config),
    elb: new ElasticLoadBalancingClient(config),
    elbv2: new ElasticLoadBalancingV2Client(config),
    logs: new CloudWatchLogsClient(config),
    route53: new Route53Client(config),
    secrets: new SecretsManagerClient(config),
    sts: new STSClient(config),
    tagging: new ResourceGroupsTaggingAPIClient(config),
  };
}

export type TestClients = ReturnType<typeof testClients>;

/** Repeats `read` until `done` accepts its value; throws with the last value after `timeoutMs`. */
export async function until<T>(read: () => Promise<T>, done: (value: T) => boolean, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`still waiting after ${timeoutMs} ms, last seen: ${JSON.stringify(value)}`);
    await sleep(20);
  }
}

/** The AWS error code `call` fails with; fails itself when the call succeeds. */
export async function errorCode(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => {
      throw new Error('the call succeeded, an AWS error was expected');
    },
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}
