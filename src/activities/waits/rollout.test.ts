import { describe, expect, test } from '@jest/globals';
import { activityWorld, keyOf, NOW, writesOf } from '../../../test/helpers/activity-world.js';
import { verdicts } from '../../../test/helpers/status-checks.js';
import { machinesIn, rolloutWorld, serveSets, setsIn } from '../../../test/helpers/worker-rollout.js';
import type { Machine, MachineDeployment } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { isTrue } from '../../domain/conditions.js';
import { failureText } from '../../domain/failure.js';
import { ANNOTATION } from '../../domain/names.js';
import { assessMachineDeployment } from '../kube/assess-machine-deployment.js';
import { rollOut } from './rollout.js';

const NEW = 'v1.35.0';

/** A world with a deployment whose machines are all there. */
async function settled(spec: Partial<MachineDeployment['spec']> = {}) {
  const { cluster, deployment, objects } = rolloutWorld(spec);
  const world = activityWorld({ objects });
  const key = keyOf(deployment);
  const look = () => assessMachineDeployment(world.deps, key);
  const stored = () =>
    world.kube.peek<MachineDeployment>(KINDS.MachineDeployment, deployment.metadata) as MachineDeployment;
  const serve = (ready?: (m: Machine) => boolean) => serveSets(world, cluster, ready);
  const change = (to: Partial<MachineDeployment['spec']>): void => {
    const before = stored();
    world.kube.put({
      ...before,
      metadata: { ...before.metadata, generation: (before.metadata.generation ?? 1) + 1 },
      spec: { ...before.spec, ...to },
    });
  };
  const withVersion = (version: string): MachineDeployment['spec']['template'] => {
    const { template } = stored().spec;
    return { ...template, spec: { ...template.spec, version } };
  };
  await look();
  serve();
  await look();
  return { world, key, look, stored, serve, change, withVersion };
}

const available = (machines: readonly Machine[]): number =>
  machines.filter((m) => isTrue(m.status?.conditions as never, 'Available')).length;

describe('a rollout of workers', () => {
  test.each<[string, object, number, number]>([
    ['one more at a time', { maxSurge: 1, maxUnavailable: 0 }, 4, 3],
    ['one less at a time', { maxSurge: 0, maxUnavailable: 1 }, 3, 2],
    ['by percent', { maxSurge: '50%', maxUnavailable: '34%' }, 5, 2],
  ])(
    '%s: replaces every machine within its bounds and keeps only the new set',
    async (_, rollingUpdate, most, least) => {
      const rollout = { strategy: { type: 'RollingUpdate', rollingUpdate } } as NonNullable<
        MachineDeployment['spec']['rollout']
      >;
      const s = await settled({ rollout });
      const [old] = setsIn(s.world).map((set) => set.metadata.name);
      s.change({ template: s.withVersion(NEW) });
      let looks = 0;
      for (let facts = await s.look(); !facts.rollout.complete; facts = await s.look()) {
        s.serve();
        expect(machinesIn(s.world).length).toBeLessThanOrEqual(most);
        expect(available(machinesIn(s.world))).toBeGreaterThanOrEqual(least);
        expect(++looks).toBeLessThan(20);
      }
      const [set, ...others] = setsIn(s.world);
      expect(others).toEqual([]);
      expect(set?.metadata.name).not.toBe(old);
      expect(set).toMatchObject({
        metadata: { annotations: { [ANNOTATION.revision]: '2' } },
        spec: { replicas: 3, template: { spec: { version: NEW } } },
      });
      expect(s.stored().metadata.annotations?.[ANNOTATION.revision]).toBe('2');
      expect(verdicts(s.stored().status)).toMatchObject({ RollingOut: 'False NotRollingOut' });
      expect(await writesOf(s.world.kube, s.look)).toBe(0);
    },
  );

  test('says why, what it waits for and what is ahead', async () => {
    const s = await settled();
    s.change({ template: s.withVersion(NEW) });
    await s.look();
    s.serve((m) => !m.metadata.name.endsWith('-3'));
    const { rollout } = await s.look();
    expect(rollout).toMatchObject({ rolling: true, left: 3, done: 0, why: [`Version v1.34.4, ${NEW} required`] });
    expect(rollout.waitingFor).toMatch(/^machine workers-\w{5}-0-3 to be available/);
    expect(rollout.forecast).toHaveLength(5);
    const rolling = s.stored().status?.conditions?.find((c) => c.type === 'RollingOut');
    expect(rolling?.message).toBe(`Rolling out 3 not up-to-date replicas\n* Version v1.34.4, ${NEW} required`);
  });

  test('goes back to the set it had when the template does, under a new revision', async () => {
    const s = await settled();
    const { template } = s.stored().spec;
    const [first] = setsIn(s.world);
    s.change({ template: s.withVersion(NEW) });
    await s.look();
    s.serve();
    s.change({ template });
    for (let i = 0; i < 6; i++) {
      await s.look();
      s.serve();
    }
    expect(setsIn(s.world).map((set) => [set.metadata.name, set.metadata.annotations?.[ANNOTATION.revision]])).toEqual([
      [first?.metadata.name, '3'],
    ]);
    expect(machinesIn(s.world)).toHaveLength(3);
  });

  test('of nothing but time replaces machines made before spec.rollout.after, once that has come', async () => {
    const s = await settled();
    const [old] = setsIn(s.world);
    s.change({ rollout: { ...s.stored().spec.rollout, after: '2026-06-01T00:00:00Z' } });
    expect((await s.look()).rolloutInSeconds).toBe((Date.parse('2026-06-01T00:00:00Z') - Date.parse(NOW)) / 1000);
    expect(setsIn(s.world)).toHaveLength(1);
    s.world.now = '2026-06-01T00:00:01Z';
    await s.look();
    expect(setsIn(s.world).map((set) => set.metadata.name)).toContain(old?.metadata.name);
    expect(setsIn(s.world)).toHaveLength(2);
    const upToDate = machinesIn(s.world)[0]?.status?.conditions?.find((c) => c.type === 'UpToDate');
    expect(upToDate?.message).toBe('* MachineDeployment spec.rollout.after expired');
  });

  test('with OnDelete leaves machines until somebody deletes them, and lets old sets make no more', async () => {
    const s = await settled({ rollout: { strategy: { type: 'OnDelete' } } });
    const [old] = setsIn(s.world);
    s.change({ template: s.withVersion(NEW) });
    await s.look();
    const sizes = () =>
      Object.fromEntries(setsIn(s.world).map((set) => [set.metadata.name === old?.metadata.name, set.spec.replicas]));
    expect(sizes()).toEqual({ true: 3, false: 0 });
    const [victim] = machinesIn(s.world);
    if (victim) s.world.kube.remove(KINDS.Machine, victim.metadata);
    const { rollout } = await s.look();
    expect(sizes()).toEqual({ true: 2, false: 1 });
    expect(rollout.rolling).toBe(false);
    const creates = setsIn(s.world).map((set) => set.metadata.annotations?.[ANNOTATION.disableMachineCreate]);
    expect(creates.sort()).toEqual(['false', 'true']);
  });

  test('that a person stopped stays where it is, while the number of machines follows', async () => {
    const s = await settled();
    s.change({ template: s.withVersion(NEW) });
    await s.look();
    s.serve();
    const before = s.stored();
    const attempt = (await s.look()).attempt;
    const failure = { operation: 'RollingUpgrade', type: 'Cancelled' as const, message: 'stopped', attempt };
    s.world.kube.put({
      ...before,
      metadata: {
        ...before.metadata,
        annotations: { ...before.metadata.annotations, [ANNOTATION.lastFailure]: failureText(failure) },
      },
    });
    const held = await s.look();
    expect(held.rollout.rolling).toBe(false);
    const sizes = () => setsIn(s.world).map((set) => set.spec.replicas ?? 0);
    const sum = sizes().reduce((a, b) => a + b, 0);
    await s.look();
    expect(sizes().reduce((a, b) => a + b, 0)).toBe(sum);
    expect(setsIn(s.world)).toHaveLength(2);
  });

  test('changes labels, annotations, time-outs and taints of its set in place, dropped ones too', async () => {
    const s = await settled();
    const [set] = setsIn(s.world);
    const { template } = s.stored().spec;
    const taints = [{ key: 'a', effect: 'NoSchedule', propagation: 'Always' }] as never;
    s.change({
      template: {
        metadata: { labels: { pool: 'blue', more: 'x' }, annotations: {} },
        spec: { ...template.spec, deletion: { nodeDrainTimeoutSeconds: 7 }, minReadySeconds: 5, taints },
      },
      deletion: { order: 'Oldest' },
    });
    const { rollout } = await s.look();
    expect(rollout.rolling).toBe(false);
    const [after, ...none] = setsIn(s.world);
    expect(none).toEqual([]);
    expect(after?.metadata.name).toBe(set?.metadata.name);
    expect(after?.metadata.labels).toMatchObject({ pool: 'blue', more: 'x' });
    expect(after?.spec).toMatchObject({
      deletion: { order: 'Oldest' },
      template: {
        metadata: { labels: { more: 'x' }, annotations: {} },
        spec: { deletion: { nodeDrainTimeoutSeconds: 7 }, minReadySeconds: 5, taints },
      },
    });
    s.change({ template });
    await s.look();
    const [back] = setsIn(s.world);
    expect(back?.metadata.labels).not.toHaveProperty('more');
    expect(back?.spec.template.spec).toEqual(template.spec);
    expect(back?.spec.template.metadata?.annotations).toEqual({ note: 'kept' });
  });
});

describe('the wait of a rollout', () => {
  test('carries it on, tells what it waits for, and ends when it is done', async () => {
    const s = await settled();
    s.change({ template: s.withVersion(NEW) });
    s.world.onBeat = () => s.serve();
    const facts = await rollOut(s.world.deps, s.key, {
      turns: 99,
      generation: s.stored().metadata.generation ?? 0,
      told: '',
    });
    expect(facts.rollout).toMatchObject({ rolling: false, left: 0, done: 3 });
    expect(s.world.beats.join('\n')).toMatch(/3 old machines left; waiting for 1 more machines of workers-/);
  });

  test('ends after so many changes of sizes, or when the deployment is another one', async () => {
    const s = await settled();
    s.change({ template: s.withVersion(NEW) });
    const generation = s.stored().metadata.generation ?? 0;
    s.world.onBeat = () => s.serve();
    await expect(rollOut(s.world.deps, s.key, { turns: 2, generation, told: '' })).resolves.toMatchObject({
      rollout: { rolling: true },
    });
    await expect(
      rollOut(s.world.deps, s.key, { turns: 99, generation: generation - 1, told: '' }),
    ).resolves.toMatchObject({ generation });
  });

  test('ends when it waits for long for what nobody was told of', async () => {
    const s = await settled();
    s.change({ template: s.withVersion(NEW) });
    const generation = s.stored().metadata.generation ?? 0;
    s.world.onBeat = () => s.serve(() => false);
    const first = await rollOut(s.world.deps, s.key, { turns: 99, generation, told: '' });
    expect(first.rollout.waitingFor).toMatch(/ to be available/);
    s.world.onBeat = () => s.world.cancel();
    const told = first.rollout.waitingFor;
    await expect(rollOut(s.world.deps, s.key, { turns: 99, generation, told })).rejects.toThrow('abort');
  });
});
