import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubeadmControlPlane, Machine, MachineHealthCheck } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { Condition } from '../../src/api/types/meta.js';
import { findCondition, isTrue } from '../../src/domain/conditions.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { readMachineStatus } from '../../src/sandbox/machines/index.js';
import { PAUSE_IMAGE } from '../../src/sandbox/tools/images.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { executions } from './budget.js';
import { deleteCluster, inCloud, inWorkload, machinesOf, NAMESPACE } from './cluster.js';
import { etcdMachines } from './etcd.js';
import {
  configTemplate,
  deployment,
  guardedPod,
  guardedPodRuns,
  healthCheck,
  machinesOfDeployment,
  PATIENCE,
  restartsOf,
} from './heal-objects.js';
import { conditionOf, HEAL_SECONDS, Healing, NAME, say } from './healing.js';
import { killMachine, killProgram, machineBehind, stopService } from './machine-faults.js';
import { create } from './objects.js';
import { type TestSandbox, until } from './sandbox.js';

/** What breaks in a cluster of three and two is healed, or said in a condition; each fault on machines that really run. */

/** Longer than a machine that never joins is waited for. */
const RETRY_SECONDS = 120;

let sandbox: TestSandbox;
let world: Healing;
let steps = 0;
let passed = 0;

function step(name: string, work: () => Promise<void>): void {
  steps++;
  test(name, async () => {
    const begun = Date.now();
    await work();
    passed++;
    say(`== ${name}: ${((Date.now() - begun) / 1000).toFixed(0)} s`);
  });
}

beforeAll(async () => {
  world = await Healing.start((started) => {
    sandbox = started;
  });
}, 1_800_000);

afterAll(async () => {
  await world?.stop();
  await sandbox?.stop(passed < steps);
  if (passed < steps && sandbox) say(`logs are kept in ${sandbox.layout.logs}`);
}, 180_000);

/** The Machine is replaced: by exactly one, and none but it goes. */
async function replaced(machine: Machine, from: number): Promise<void> {
  await world.gone(machine.metadata.name);
  await world.settled();
  const went = world.deletions(from);
  expect(went.map((h) => h.name)).toEqual([machine.metadata.name]);
  expect(world.creations(from)).toHaveLength(1);
  say(`   ${machine.metadata.name} went: ${went[0]?.fault}`);
}

describe('healing', () => {
  step('a worker that loses power is replaced', async () => {
    const from = world.mark;
    const victim = await world.pick('worker');
    killMachine(machineBehind(sandbox.layout, victim));
    await replaced(victim, from);
  });

  step('a control plane machine that loses power is replaced, and leaves etcd', async () => {
    const from = world.mark;
    const victim = await world.pick('control plane');
    killMachine(machineBehind(sandbox.layout, victim));
    await replaced(victim, from);
    await until(
      'three healthy members',
      async () => {
        const last = world.etcd.samples.at(-1);
        return last?.healthy === 3 && last.voters.length === 3 && !last.voters.includes('') ? true : undefined;
      },
      { last: () => JSON.stringify(world.etcd.samples.at(-1)) },
    );
    expect(etcdMachines(sandbox.layout)).toHaveLength(3);
  });

  step('an etcd process that dies comes back by itself, and no machine is replaced', async () => {
    const from = world.mark;
    const victim = await world.pick('control plane');
    await killProgram(machineBehind(sandbox.layout, victim), 'etcd');
    // Its container is back within a second: only the count of its starts tells that it was away.
    const pod = { namespace: 'kube-system', name: `etcd-${victim.status?.nodeRef?.name}` };
    await until('a second start', async () =>
      (await inWorkload(sandbox, NAME, (kube) => restartsOf(kube, pod))) > 0 ? true : undefined,
    );
    await until('all members', async () => (world.etcd.samples.at(-1)?.healthy === 3 ? true : undefined));
    await world.settled();
    expect(isTrue((await world.machine(victim.metadata.name))?.status?.conditions, 'EtcdMemberHealthy')).toBe(true);
    expect(world.recorder.happenings.slice(from)).toEqual([]);
  });

  step('a control plane machine that loses power in the middle of a rollout does not stop it', async () => {
    const from = world.mark;
    const old = (await machinesOf(sandbox.kube, NAME)).filter(isControlPlaneMachine).map((m) => m.metadata.name);
    await sandbox.kube.mergePatch(
      KINDS.KubeadmControlPlane,
      { namespace: NAMESPACE, name: `${NAME}-control-plane` },
      { spec: { rollout: { after: new Date().toISOString() } } },
    );
    const victim = await until(
      'the first that goes',
      async () => {
        const going = world.recorder.happenings.slice(from).find((h) => h.what === 'deleting');
        const next = old.find((name) => name !== going?.name);
        return going && next ? await world.machine(next) : undefined;
      },
      { seconds: HEAL_SECONDS },
    );
    killMachine(machineBehind(sandbox.layout, victim));
    let left = old.length;
    await until(
      'the end of all old machines',
      async () => {
        const names = (await machinesOf(sandbox.kube, NAME)).map((m) => m.metadata.name);
        left = old.filter((name) => names.includes(name)).length;
        return left === 0 ? true : undefined;
      },
      { seconds: 3 * HEAL_SECONDS, last: () => `${left} are left` },
    );
    await world.settled();
    // kubeadm of the one that was joining may have given up for the dead member of etcd
    const doomed = world.deletions(from).filter(({ name }) => !old.includes(name));
    expect(doomed.filter(({ fault }) => !fault.startsWith('NodeStartupTimeout'))).toEqual([]);
    expect(doomed.length).toBeLessThanOrEqual(1);
    // but the dead one is not kept for it
    const names = world.deletions(from).map(({ name }) => name);
    expect(names.slice(0, 2)).toContain(victim.metadata.name);
  });

  step('control plane machines that never join are tried as often as allowed, and the others stay', async () => {
    const from = world.mark;
    const ref = { namespace: NAMESPACE, name: `${NAME}-control-plane` };
    const patch = (spec: object): Promise<KubeadmControlPlane> =>
      sandbox.kube.mergePatch<KubeadmControlPlane>(KINDS.KubeadmControlPlane, ref, { spec });
    const was = (await sandbox.kube.get<KubeadmControlPlane>(KINDS.KubeadmControlPlane, ref))?.spec;
    await world.setStartup('control-plane', PATIENCE.brokenSeconds);
    await patch({
      remediation: { maxRetry: 1, retryPeriodSeconds: RETRY_SECONDS },
      kubeadmConfigSpec: { preKubeadmCommands: ['exit 1'] },
    });
    const saw = async (text: string): Promise<{ machine: Machine; said: Condition }> =>
      until(
        `a machine of which OwnerRemediated says ${text}`,
        async () => {
          const machines = await machinesOf(sandbox.kube, NAME);
          return machines
            .map((machine) => ({ machine, said: conditionOf(machine, 'OwnerRemediated') as Condition }))
            .find(({ said }) => said?.message?.includes(text));
        },
        { seconds: HEAL_SECONDS },
      );
    const waits = await saw('(RetryPeriod)');
    expect(waits.said.reason).toBe('RemediationDeferred');
    const given = await saw('(MaxRetry)');
    expect(given.said.reason).toBe('CannotBeRemediated');
    const last = (await sandbox.kube.get<KubeadmControlPlane>(KINDS.KubeadmControlPlane, ref))?.status?.lastRemediation;
    expect(last).toMatchObject({ machine: waits.machine.metadata.name, retryCount: 1 });
    const created = world.creations(from);
    const deleted = world.deletions(from);
    expect(created).toHaveLength(3);
    expect(deleted.map((h) => h.name)).toEqual(created.slice(0, 2).map((h) => h.name));
    const [first, second] = deleted;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual((RETRY_SECONDS - 2) * 1_000);
    // as before: the three that always worked are what is wanted, and the fourth is outdated
    await world.setStartup('control-plane', PATIENCE.startupSeconds);
    await patch({
      remediation: null,
      kubeadmConfigSpec: { preKubeadmCommands: was?.kubeadmConfigSpec?.preKubeadmCommands ?? null },
    });
    await world.gone(given.machine.metadata.name);
    await world.settled();
    expect([world.creations(from).length, world.deletions(from).length]).toEqual([3, 3]);
  });

  step(
    'a worker whose kubelet has ended stays while its health check allows none to fail, then is replaced',
    async () => {
      const from = world.mark;
      const victim = await world.pick('worker');
      const { name } = victim.metadata;
      const check = { namespace: NAMESPACE, name: 'workers' };
      const allow = (triggerIf: object): Promise<void> => world.changeCheck('workers', { remediation: { triggerIf } });
      await allow({ unhealthyLessThanOrEqualTo: 0 });
      await stopService(machineBehind(sandbox.layout, victim), 'kubelet');
      let seen: (Condition | undefined)[] = [];
      await until(
        'the verdict, and why nothing is done',
        async () => {
          const { status } = (await sandbox.kube.get<MachineHealthCheck>(KINDS.MachineHealthCheck, check)) ?? {};
          seen = [
            conditionOf(await world.machine(name), 'HealthCheckSucceeded'),
            findCondition(status?.conditions as Condition[] | undefined, 'RemediationAllowed'),
          ];
          return seen[0]?.reason === 'UnhealthyNode' && seen[1]?.reason === 'TooManyUnhealthy' ? true : undefined;
        },
        { seconds: HEAL_SECONDS, last: () => JSON.stringify(seen) },
      );
      expect(seen[1]?.message).toContain('unhealthy: 1, maxUnhealthy: 0');
      expect(conditionOf(await world.machine(name), 'OwnerRemediated')).toBeUndefined();
      expect(world.recorder.happenings.slice(from)).toEqual([]);
      await allow({ unhealthyLessThanOrEqualTo: null, unhealthyInRange: '[1-1]' });
      await replaced(victim, from);
    },
  );

  step('a worker that never joins is replaced again and again, until its template is mended', async () => {
    await create(sandbox.kube, [
      configTemplate('broken', ['exit 1']),
      configTemplate('mended', []),
      healthCheck(NAME, 'broken', { 'cluster.x-k8s.io/deployment-name': 'broken' }, PATIENCE.brokenSeconds),
      deployment(NAME, 'broken', 'broken', KUBERNETES_VERSION),
    ]);
    const first = await until(
      'its machine',
      async () => (await machinesOfDeployment(sandbox.kube, 'broken'))[0]?.metadata.name,
    );
    let seen = '';
    await until(
      'the verdict',
      async () => {
        const condition = conditionOf(await world.machine(first), 'HealthCheckSucceeded');
        seen = JSON.stringify(condition);
        return condition?.reason === 'NodeStartupTimeout' ? true : undefined;
      },
      { seconds: 240, last: () => seen },
    );
    await world.gone(first);
    const second = await until('another machine', async () =>
      (await machinesOfDeployment(sandbox.kube, 'broken')).find((m) => m.metadata.name !== first),
    );
    expect(second.metadata.name).not.toBe(first);
    await sandbox.kube.mergePatch(
      KINDS.MachineDeployment,
      { namespace: NAMESPACE, name: 'broken' },
      { spec: { template: { spec: { bootstrap: { configRef: { name: 'mended' } } } } } },
    );
    await world.setStartup('broken', PATIENCE.startupSeconds);
    await until(
      'a machine that joins, alone',
      async () => {
        const machines = await machinesOfDeployment(sandbox.kube, 'broken');
        seen = machines.map((m) => `${m.metadata.name} ${conditionOf(m, 'Available')?.status}`).join(', ');
        return machines.length === 1 && isTrue(machines[0]?.status?.conditions, 'Available') ? true : undefined;
      },
      { seconds: HEAL_SECONDS, last: () => seen },
    );
    await sandbox.kube.delete(KINDS.MachineDeployment, { namespace: NAMESPACE, name: 'broken' });
    await until('its end', async () =>
      (await machinesOfDeployment(sandbox.kube, 'broken')).length === 0 ? true : undefined,
    );
  });

  step('a pod that may never be missing holds up a drain: the condition names it, and a time-out ends it', async () => {
    const victim = await world.pick('worker');
    const name = victim.metadata.name;
    const node = victim.status?.nodeRef?.name ?? '';
    await inWorkload(sandbox, NAME, async (workload) => {
      await guardedPod(workload, node, PAUSE_IMAGE);
      await until('the pod', async () => ((await guardedPodRuns(workload)) ? true : undefined));
    });
    await sandbox.kube.delete(KINDS.Machine, { namespace: NAMESPACE, name });
    let seen: Condition | undefined;
    await until(
      'the reason',
      async () => {
        seen = conditionOf(await world.machine(name), 'Deleting');
        return seen?.reason === 'DrainingNode' && seen.message.includes('disruption budget') ? true : undefined;
      },
      { seconds: 180, last: () => JSON.stringify(seen ?? 'no such Machine or condition') },
    );
    expect(seen?.message).toContain('default/idle-');
    // the timeouts of a Machine that goes follow those of its owner
    await sandbox.kube.mergePatch(
      KINDS.MachineDeployment,
      { namespace: NAMESPACE, name: `${NAME}-md-0` },
      { spec: { template: { spec: { deletion: { nodeDrainTimeoutSeconds: 5 } } } } },
    );
    await world.gone(name);
    await world.settled();
  });

  step('etcd had its quorum all the time, and nothing is left of the cluster when it is deleted', async () => {
    await world.etcd.stop();
    say(`etcd was looked at ${world.etcd.samples.length} times`);
    expect(world.etcd.lost).toEqual([]);
    await deleteCluster(sandbox, NAME);
    expect(await inCloud(sandbox)).toEqual(world.before);
    expect(readMachineStatus(sandbox.layout.machines).machines).toEqual([]);
    await until('the end of all workflows', async () =>
      (await executions(sandbox.temporal)).some((w) => w.status === 'RUNNING') ? undefined : true,
    );
  });
});
