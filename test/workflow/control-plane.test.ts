import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import type { ControlPlaneFacts, ControlPlaneMachine, ControlPlaneStep } from '../../src/domain/facts.js';
import { controlPlaneBrief } from '../../src/domain/plan/control-plane.js';
import { afterStep } from '../../src/domain/plan/control-plane-forecast.js';
import { changed, plan } from '../../src/workflows/messages.js';
import { laneId, WORKFLOW_QUEUE } from '../../src/workflows/names.js';
import { aMember, FLAGGED, ILL, OUTDATED, planeFacts } from '../helpers/control-plane-facts.js';
import { type FakeActivities, startTemporal, type TemporalServer, withWorkers } from '../helpers/temporal.js';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

let serial = 0;
const newKey = () => ({ kind: 'KubeadmControlPlane', namespace: 'default', name: `o${++serial}`, uid: `cp-${serial}` });

/** A control plane in memory on which every step succeeds; a machine is waited for once before it is there, or gone. */
function controlPlaneOf(start: ControlPlaneFacts, onWait: () => void = () => undefined) {
  let facts = start;
  const steps: string[] = [];
  const brief = () => controlPlaneBrief(facts, Date.now());
  const apply = (step: ControlPlaneStep): void => {
    facts = afterStep(facts, step, Date.now());
  };
  const expectNow = <K extends ControlPlaneStep['kind']>(kind: K): Extract<ControlPlaneStep, { kind: K }> => {
    const { step } = brief();
    if (step.kind !== kind) throw new Error(`${kind} while the plan is ${step.kind}`);
    return step as Extract<ControlPlaneStep, { kind: K }>;
  };
  const change = (name: string, to: Partial<ControlPlaneMachine>): void => {
    facts = { ...facts, machines: facts.machines.map((m) => (m.name === name ? { ...m, ...to } : m)) };
  };
  const activities: FakeActivities = {
    assessControlPlane: async () => brief(),
    createControlPlaneMachine: async ({ name, replaces }) => {
      steps.push(`create${replaces ? ` for ${replaces.machine}` : ''}`);
      apply({ kind: 'create', name, ...(replaces ? { replaces } : {}) });
      change(name, ILL);
    },
    prepareControlPlaneUpgrade: async () => {
      steps.push('prepare');
    },
    finishControlPlaneUpgrade: async () => {
      steps.push(`maintain ${expectNow('maintain').parts.join(', ')}`);
      facts = { ...facts, upkeep: [] };
    },
    removeControlPlaneMachine: async ({ name }) => {
      steps.push(`remove ${expectNow('remove').name}`);
      change(name, { deleting: true });
    },
    remediateControlPlaneMachine: async ({ record }) => {
      steps.push(`remediate ${record.machine}`);
      facts = { ...facts, remediating: record };
      change(record.machine, { deleting: true });
    },
    awaitControlPlane: async ({ name, until }) => {
      onWait();
      const { step } = brief();
      if (step.kind === 'await' && step.name === name && step.until === until) apply(step);
      return brief();
    },
  };
  return { activities, steps, brief, set: (next: Partial<ControlPlaneFacts>) => (facts = { ...facts, ...next }) };
}

async function run(key: ReturnType<typeof newKey>) {
  return server.client.workflow.signalWithStart('controlPlaneLane', {
    workflowId: laneId(key),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ key }],
    signal: changed,
    signalArgs: [{ generation: 1, deleting: false, reason: 'created' }],
  });
}

const operation = (key: ReturnType<typeof newKey>, name: string) =>
  server.client.workflow.getHandle(`${laneId(key)}/${name}/1-a`);
const three = (change: Partial<ControlPlaneMachine> = {}) => ['a', 'b', 'c'].map((n) => aMember(n, change));

describe('a control plane lane', () => {
  test('replaces outdated machines one by one, each new one healthy before an old one goes', async () => {
    const key = newKey();
    const plane = controlPlaneOf(planeFacts(3, three(OUTDATED), { upkeep: ['kube-proxy'] }));
    await withWorkers(server, 'cloud', plane.activities, async () => {
      const lane = await run(key);
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Converged', cycles: 3 });
      const upgrade = operation(key, 'UpgradeControlPlane');
      const one = (name: string): string[] => ['prepare', 'create', `remove ${name}`];
      expect(plane.steps).toEqual([...one('a'), ...one('b'), ...one('c'), 'maintain kube-proxy']);
      expect((await operation(key, 'MaintainControlPlane').describe()).status.name).toBe('COMPLETED');
      expect((await upgrade.describe()).status.name).toBe('COMPLETED');
      for (const handle of [lane, upgrade]) {
        const history = await handle.fetchHistory();
        expect(history.events?.length ?? 0).toBeLessThanOrEqual(125);
        await Worker.runReplayHistory({ workflowBundle: server.bundle }, history, handle.workflowId);
      }
    });
  });

  test('with maxSurge 0 takes an old one first, and is one operation to the end', async () => {
    const key = newKey();
    const plane = controlPlaneOf(planeFacts(3, three(OUTDATED), { maxSurge: 0 }));
    await withWorkers(server, 'cloud', plane.activities, async (order) => {
      await expect((await run(key)).result()).resolves.toMatchObject({ outcome: 'Converged', cycles: 2 });
      expect(plane.steps.filter((s) => s !== 'prepare')).toEqual(
        ['a', 'b', 'c'].flatMap((name) => [`remove ${name}`, 'create']),
      );
      expect(order.at(-1)).toBe('awaitControlPlane');
    });
  });

  test('stops a rollout for a machine that must be replaced, replaces it, and goes on', async () => {
    const key = newKey();
    let waits = 0;
    const plane = controlPlaneOf(planeFacts(3, three(OUTDATED)), () => {
      // while the first new machine starts, a health check gives up an old one
      if (++waits !== 2) return;
      const machines = plane.brief().live;
      expect(machines).toBeGreaterThan(2);
      const left = [aMember('b', OUTDATED), aMember('c', { ...OUTDATED, ...FLAGGED }), aMember('n')];
      plane.set(planeFacts(3, left));
    });
    await withWorkers(server, 'cloud', plane.activities, async () => {
      await expect((await run(key)).result()).resolves.toMatchObject({ outcome: 'Converged' });
      const steps = plane.steps.filter((s) => s !== 'prepare');
      expect(steps.slice(0, 4)).toEqual(['create', 'remove a', 'remediate c', 'create for c']);
      expect((await operation(key, 'RemediateControlPlane').describe()).status.name).toBe('COMPLETED');
      expect(plane.brief()).toMatchObject({ live: 3, step: { kind: 'done' } });
    });
  });

  test('says in its plan what is next, why it waits, and what would let it go on', async () => {
    const key = newKey();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let waiting = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    const machines = [aMember('a', OUTDATED), aMember('b', OUTDATED), aMember('c', ILL)];
    const plane = controlPlaneOf(planeFacts(3, machines));
    const wait = plane.activities.awaitControlPlane;
    const activities: FakeActivities = {
      ...plane.activities,
      awaitControlPlane: async (input) => {
        waiting();
        await released;
        return wait?.(input) ?? plane.brief();
      },
    };
    await withWorkers(server, 'cloud', activities, async () => {
      const lane = await run(key);
      await begun;
      const upgrade = operation(key, 'UpgradeControlPlane');
      try {
        const ahead = await upgrade.query(plan);
        expect(ahead[0]).toContain(
          'EtcdMemberHealthy condition is false (down); waits for Machine c to become healthy',
        );
        expect(ahead[1]).toMatch(/^create cp-.*; etcd 3→4 members, quorum 3$/);
        expect(ahead[2]).toBe('remove a: Version v1.33.0, v1.34.0 required; etcd 4→3 members, quorum 2');
        await expect(upgrade.query('progress')).resolves.toMatchObject({
          waitingFor: expect.stringContaining('EtcdMemberHealthy condition is false'),
        });
      } finally {
        // else a failed line above would leave the activity, and with it the worker, waiting
        release();
      }
      await expect(lane.result()).resolves.toMatchObject({ outcome: 'Converged' });
    });
  });

  test('does not spin on a step that changes nothing: the operation ends and the lane tries again', async () => {
    const key = newKey();
    const plane = controlPlaneOf(planeFacts(3, three(), { upkeep: ['CoreDNS'] }));
    let tries = 0;
    const activities: FakeActivities = {
      ...plane.activities,
      finishControlPlaneUpgrade: async () => {
        if (++tries === 3) plane.set({ upkeep: [] });
      },
    };
    await withWorkers(server, 'cloud', activities, async (order) => {
      await expect((await run(key)).result()).resolves.toMatchObject({ outcome: 'Converged' });
      expect(order.filter((name) => name === 'finishControlPlaneUpgrade')).toHaveLength(3);
      expect((await operation(key, 'MaintainControlPlane').fetchHistory()).events?.length).toBeLessThan(30);
    });
  });
});
