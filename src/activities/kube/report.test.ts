import { describe, expect, test } from '@jest/globals';
import { activityWorld, keyOf, killedAfterEachWrite, NOW, writesOf } from '../../../test/helpers/activity-world.js';
import { aCluster, aMachine } from '../../../test/helpers/fake-objects.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { PerdureError } from '../../domain/errors.js';
import { readFailure } from '../../domain/failure.js';
import { ANNOTATION } from '../../domain/names.js';
import { clearFailure, createReporter, lookAfresh, RETRYING, recordFailure } from './report.js';

const condition = { type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: NOW } as const;
const machine = aMachine(aCluster(), { status: { conditions: [condition] } });
const key = keyOf(machine);
const failure = {
  operation: 'ProvisionMachine',
  type: 'InsufficientCapacity',
  message: 'none left',
  attempt: 'a',
} as const;
const fresh = () => activityWorld({ objects: [machine] });
const stored = (world: ReturnType<typeof fresh>) =>
  world.kube.peek<Machine>(KINDS.Machine, machine.metadata) as Machine;

describe('a failure', () => {
  test('is kept on the object, told once as an Event, and forgotten when asked', async () => {
    const world = fresh();
    await recordFailure(world.deps, key, failure);
    expect(readFailure(stored(world))).toEqual(failure);
    expect(world.events).toEqual(['ProvisionMachineFailed Machine/demo-1']);
    await clearFailure(world.deps, key);
    expect(stored(world).metadata.annotations).not.toHaveProperty(ANNOTATION.lastFailure);
    expect(await writesOf(world.kube, () => clearFailure(world.deps, key))).toBe(0);
  });

  test('killed after any write and run again is kept once', async () => {
    const writes = await killedAfterEachWrite(
      fresh,
      ({ deps }) => recordFailure(deps, key, failure),
      (after, undisturbed) => expect(after).toEqual(undisturbed),
    );
    expect(writes).toBe(1);
  });

  test('written again says nothing new', async () => {
    const world = fresh();
    await recordFailure(world.deps, key, failure);
    expect(await writesOf(world.kube, () => recordFailure(world.deps, key, failure))).toBe(0);
  });

  test.each([
    ['gone', activityWorld()],
    [
      'replaced by a younger one',
      activityWorld({ objects: [{ ...machine, metadata: { ...machine.metadata, uid: 'younger' } }] }),
    ],
  ])('of an object that is %s is dropped', async (_, world) => {
    await recordFailure(world.deps, key, failure);
    await clearFailure(world.deps, key);
    expect(world.kube.writes()).toEqual([]);
    expect(world.events).toEqual([]);
  });

  test('of an object that goes in between is dropped', async () => {
    const world = fresh();
    world.kube.before((call) => {
      if (call.verb === 'mergePatch') world.kube.remove(KINDS.Machine, machine.metadata);
    });
    await recordFailure(world.deps, key, failure);
    expect(world.events).toEqual([]);
  });

  test('of a kind nobody keeps failures on is dropped', async () => {
    const world = fresh();
    await recordFailure(world.deps, { ...key, kind: 'Unheard' }, failure);
    expect(world.kube.calls).toEqual([]);
  });
});

describe('attempts that fail', () => {
  const reporter = (world: ReturnType<typeof fresh>, warnings: string[] = []) =>
    createReporter(world.kube, () => world.now, { info: () => undefined, warn: (m) => void warnings.push(m) });
  const error = new PerdureError('Transient', 'connection reset');

  test('show on the object and go without a trace when one succeeds', async () => {
    const world = fresh();
    await reporter(world).failing(key, 'infraEnsure', 3, error);
    expect(verdicts(stored(world).status)).toEqual({ Ready: 'True R', [RETRYING]: 'True Transient' });
    expect(stored(world).status?.conditions?.find((c) => c.type === RETRYING)?.message).toBe(
      'infraEnsure, attempt 3: connection reset',
    );
    await reporter(world).recovered(key);
    expect(verdicts(stored(world).status)).toEqual({ Ready: 'True R' });
    expect(await writesOf(world.kube, () => reporter(world).recovered(key))).toBe(0);
  });

  test('keep the time at which the trouble began', async () => {
    const world = fresh();
    await reporter(world).failing(key, 'infraEnsure', 3, error);
    world.now = '2026-01-02T00:00:00Z';
    await reporter(world).failing(key, 'infraEnsure', 4, error);
    expect(stored(world).status?.conditions?.find((c) => c.type === RETRYING)).toMatchObject({
      lastTransitionTime: NOW,
    });
  });

  test('are not worth failing for', async () => {
    const world = fresh();
    const warnings: string[] = [];
    world.kube.before(() => {
      throw new Error('API server is down');
    });
    await reporter(world, warnings).failing(key, 'infraEnsure', 3, error);
    await reporter(world, warnings).recovered(key);
    expect(warnings).toHaveLength(2);
  });

  test('of a younger object of the name are none of its business', async () => {
    const world = activityWorld({ objects: [{ ...machine, metadata: { ...machine.metadata, uid: 'younger' } }] });
    await reporter(world).failing(key, 'infraEnsure', 3, error);
    expect(world.kube.writes()).toEqual([]);
  });
});

describe('a failure that the lane tries again by itself', () => {
  const transient = { ...failure, type: 'Transient', message: 'the earlier one is still ending' } as const;

  test('shows as a condition, blocks nothing, and is gone with the next look', async () => {
    const world = fresh();
    await recordFailure(world.deps, key, transient);
    expect(readFailure(stored(world))).toBeUndefined();
    expect(stored(world).status?.conditions?.find((c) => c.type === RETRYING)).toMatchObject({
      status: 'True',
      reason: 'Transient',
      message: 'ProvisionMachine: the earlier one is still ending',
    });
    expect(world.events).toEqual(['ProvisionMachineFailed Machine/demo-1']);
    await lookAfresh(world.deps, key, async () => facts('a'));
    expect(verdicts(stored(world).status)).toEqual({ Ready: 'True R' });
  });
});

const facts = (attempt: string, paused = false) => ({
  exists: true,
  paused,
  deleting: false,
  generation: 1,
  cluster: 'default/demo',
  attempt,
});

describe('a look at an object', () => {
  test.each([
    ['keeps a failure that still applies', 'a', false, true],
    ['forgets one whose cause may be gone', 'b', false, false],
    ['leaves a paused object alone', 'b', true, true],
  ])('%s', async (_, attempt, paused, kept) => {
    const world = fresh();
    await recordFailure(world.deps, key, failure);
    const seen = facts(attempt, paused);
    await expect(lookAfresh(world.deps, key, async () => seen)).resolves.toBe(seen);
    expect(readFailure(stored(world)) !== undefined).toBe(kept);
  });

  test('writes nothing where nothing was left', async () => {
    const world = fresh();
    expect(await writesOf(world.kube, () => lookAfresh(world.deps, key, async () => facts('a')))).toBe(0);
  });
});
