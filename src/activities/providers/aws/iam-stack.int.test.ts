import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { cloudFormation } from '../../../domain/aws/iam/cloudformation.js';
import { DEFAULT_IAM } from '../../../domain/aws/iam/policy.js';
import type { MotoHandle } from '../../../sandbox/moto/index.js';
import { startTestMoto } from '../../../sandbox/moto/testing.js';
import { applyStack, deleteStack } from './iam-stack.js';

jest.setTimeout(120_000);

let moto: MotoHandle;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
});
afterAll(async () => {
  await moto.stop();
});
beforeEach(async () => {
  await moto.admin.reset();
});

const options = () => ({
  region: 'us-east-1',
  endpoint: moto.endpoint,
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'anything' },
  signal: new AbortController().signal,
  pollMs: 20,
});
const wish = () => ({
  name: 'perdure-iam',
  template: JSON.stringify(cloudFormation({ ...DEFAULT_IAM, nameSuffix: '.test' })),
  tags: { team: 'a' },
});
const roles = async (): Promise<string[]> =>
  (await moto.admin.inventory()).filter(({ type }) => type === 'role').map(({ name }) => name);

test('a stack is made, left alone, changed and deleted, and each may be asked for again', async () => {
  expect(await applyStack(wish(), options())).toBe('created');
  expect(await roles()).toEqual(['control-plane.test', 'controllers.test', 'nodes.test']);
  // the emulated CloudFormation changes what is the same already; AWS says this
  const nothing = { kind: 'error' as const, code: 'ValidationError', message: 'No updates are to be performed.' };
  await moto.admin.addFault({ action: 'UpdateStack', effect: nothing, count: 1 });
  expect(await applyStack(wish(), options())).toBe('unchanged');
  expect(await applyStack({ ...wish(), tags: { team: 'b' } }, options())).toBe('updated');
  expect(await deleteStack('perdure-iam', options())).toBe('deleted');
  expect(await roles()).toEqual([]);
  expect(await deleteStack('perdure-iam', options())).toBe('absent');
});

test('an error of AWS is told as it is', async () => {
  await moto.admin.addFault({
    action: 'CreateStack',
    effect: { kind: 'error', code: 'AccessDenied', message: 'not you' },
  });
  await expect(applyStack(wish(), options())).rejects.toThrow('not you');
});
