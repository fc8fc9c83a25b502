import { describe, expect, test } from '@jest/globals';
import {
  type ActivityWorld,
  activityWorld,
  keyOf,
  killedAfterEachWrite,
  NOW,
  snapshot,
  writesOf,
} from '../../../test/helpers/activity-world.js';
import { aCondition, aHealthCheck, aNode, aRunningCluster, aTarget } from '../../../test/helpers/fake-health.js';
import { expectValid, messageOf, verdicts } from '../../../test/helpers/status-checks.js';
import type { Machine, MachineHealthCheck } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { ownerReference } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import { assessMachineHealthCheck } from './assess-machine-health-check.js';

const cluster = aRunningCluster();
const check = aHealthCheck(cluster);
const key = keyOf(check);
const look = (world: ActivityWorld) => assessMachineHealthCheck(world.deps, key);
const stored = (world: ActivityWorld) =>
  world.kube.peek<MachineHealthCheck>(KINDS.MachineHealthCheck, check.metadata) as MachineHealthCheck;
const on = (world: ActivityWorld, name: string) =>
  verdicts(world.kube.peek<Machine>(KINDS.Machine, { namespace: 'default', name })?.status);

function worldOf(nodes: readonly KubeObject[], ...objects: readonly KubeObject[]): ActivityWorld {
  const world = activityWorld({ objects });
  for (const node of nodes) world.workload.put(node);
  return world;
}

/** Two machines with Nodes that are fine, one whose Node has been silent for an hour. */
const mixed = (spec: Partial<MachineHealthCheck['spec']> = {}) =>
  worldOf(
    [aNode('a'), aNode('b'), aNode('c', 'Unknown')],
    cluster,
    aHealthCheck(cluster, spec),
    ...['a', 'b', 'c'].map((name) => aTarget(cluster, name)),
  );

const GOOD = { HealthCheckSucceeded: 'True HealthCheckSucceeded' };
const BAD = { HealthCheckSucceeded: 'False UnhealthyNode' };
const ASKED = { ...BAD, OwnerRemediated: 'False WaitingForRemediation' };

describe('a look of a health check', () => {
  test('that is absent changes nothing', async () => {
    const world = activityWorld();
    await expect(look(world)).resolves.toMatchObject({ exists: false });
    expect(world.kube.writes()).toEqual([]);
  });

  test('marks the unhealthy, clears the healthy, writes its status and belongs to its cluster', async () => {
    const world = mixed();
    await expect(look(world)).resolves.toMatchObject({ expected: 3, healthy: 2, unhealthy: 1, nextCheckSeconds: 0 });
    expect([on(world, 'a'), on(world, 'b'), on(world, 'c')]).toEqual([GOOD, GOOD, ASKED]);
    const { metadata, status } = stored(world);
    expect(metadata.ownerReferences).toEqual([ownerReference(cluster, { controller: false })]);
    expect(metadata.finalizers).toBeUndefined();
    expect(status).toMatchObject({
      expectedMachines: 3,
      currentHealthy: 2,
      remediationsAllowed: 2,
      targets: ['a', 'b', 'c'],
      observedGeneration: 1,
    });
    expect(verdicts(status)).toEqual({ Paused: 'False NotPaused', RemediationAllowed: 'True RemediationAllowed' });
    expectValid(stored(world), status);
    expect(world.events).toEqual(['MachineMarkedUnhealthy Machine/c']);
  });

  test('writes nothing and tells nobody when nothing changed', async () => {
    const world = mixed();
    await look(world);
    world.now = '2026-01-01T00:01:00Z';
    expect(await writesOf(world.kube, () => look(world))).toBe(0);
    expect(world.events).toHaveLength(1);
  });

  test('killed after any write and run again comes to the same', async () => {
    const writes = await killedAfterEachWrite(mixed, look, (after, undisturbed, n) =>
      expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(5);
  });

  test('marks nobody for remediation while too many are unhealthy, and says so once', async () => {
    const world = mixed({ remediation: { triggerIf: { unhealthyLessThanOrEqualTo: 0 } } });
    await expect(look(world)).resolves.toMatchObject({ allowed: false, unhealthy: 1 });
    expect(on(world, 'c')).toEqual(BAD);
    expect(stored(world).status).toMatchObject({ remediationsAllowed: 0 });
    expect(verdicts(stored(world).status)).toMatchObject({ RemediationAllowed: 'False TooManyUnhealthy' });
    await look(world);
    expect(world.events).toEqual([
      'MachineMarkedUnhealthy Machine/c',
      'RemediationRestricted MachineHealthCheck/workers',
    ]);
  });

  test('takes its mark back when the machine has recovered, and leaves what others say', async () => {
    const world = mixed();
    await look(world);
    await world.kube.apply(
      KINDS.Machine,
      {
        apiVersion: check.apiVersion,
        kind: 'Machine',
        metadata: { name: 'c', namespace: 'default' },
        status: { conditions: [aCondition('Ready', 'False')] },
      },
      { fieldManager: 'perdure-machine', subresource: 'status' },
    );
    world.workload.put(aNode('c', 'True', NOW));
    await look(world);
    expect(on(world, 'c')).toEqual({ ...GOOD, Ready: 'False R' });
  });

  test('leaves it to the owner once that is at it', async () => {
    const world = mixed();
    await look(world);
    const deferred = { ...aCondition('OwnerRemediated', 'False'), reason: 'RemediationDeferred' };
    await world.kube.apply(
      KINDS.Machine,
      {
        apiVersion: check.apiVersion,
        kind: 'Machine',
        metadata: { name: 'c', namespace: 'default' },
        status: { conditions: [deferred] },
      },
      { fieldManager: 'perdure-machineset', subresource: 'status', force: true },
    );
    expect(await writesOf(world.kube, () => look(world))).toBe(0);
    expect(on(world, 'c')).toEqual({ ...BAD, OwnerRemediated: 'False RemediationDeferred' });
  });

  test('says to the second when to look again', async () => {
    const since = '2025-12-31T23:58:00Z';
    const world = worldOf(
      [aNode('a', 'False', since)],
      cluster,
      check,
      aTarget(cluster, 'a'),
      aTarget(cluster, 'b', { nodeName: null, conditions: [aCondition('InfrastructureReady', 'True', since)] }),
    );
    await expect(look(world)).resolves.toMatchObject({ healthy: 0, pending: 2, nextCheckSeconds: 181 });
    world.now = '2026-01-01T00:03:01Z';
    await expect(look(world)).resolves.toMatchObject({ unhealthy: 1, pending: 1, nextCheckSeconds: 300 });
    expect(on(world, 'b')).toEqual({ InfrastructureReady: 'True R' });
  });

  test.each<[string, Parameters<typeof aTarget>[2], readonly KubeObject[], string]>([
    ['a Node that went', {}, [], 'False NodeDeleted'],
    ['no Node in time', { nodeName: null }, [], 'False NodeStartupTimeout'],
    [
      'the annotation of a person',
      { annotations: { 'cluster.x-k8s.io/remediate-machine': '' } },
      [aNode('a')],
      'False HasRemediateAnnotation',
    ],
  ])('%s is unhealthy', async (_, change, nodes, verdict) => {
    const world = worldOf(nodes, cluster, check, aTarget(cluster, 'a', change));
    await look(world);
    expect(on(world, 'a')).toMatchObject({ HealthCheckSucceeded: verdict });
  });

  test.each(['cluster.x-k8s.io/paused', 'cluster.x-k8s.io/skip-remediation'])(
    'a machine with %s is not counted and not touched',
    async (annotation) => {
      const spared = aTarget(cluster, 'a', { annotations: { [annotation]: '' } });
      const world = worldOf([aNode('a', 'Unknown')], cluster, check, spared);
      await expect(look(world)).resolves.toMatchObject({ expected: 0, unhealthy: 0 });
      expect(on(world, 'a')).toEqual({});
      expect(stored(world).status).toMatchObject({ targets: [], expectedMachines: 0 });
    },
  );

  test('takes no machine of another cluster or with other labels', async () => {
    const other = { ...cluster, metadata: { ...cluster.metadata, name: 'other', uid: 'uid-other' } };
    const red = aTarget(cluster, 'red');
    const world = worldOf([], cluster, other, check, aTarget(other, 'a'), {
      ...red,
      metadata: { ...red.metadata, labels: { ...red.metadata.labels, pool: 'red' } },
    });
    await expect(look(world)).resolves.toMatchObject({ expected: 0 });
  });

  test('concludes nothing while the workload cluster does not answer', async () => {
    const unreachable = new PerdureError('Transient', 'the API server does not answer');
    const objects = [
      cluster,
      check,
      aTarget(cluster, 'a', { annotations: { 'cluster.x-k8s.io/remediate-machine': '' } }),
    ];
    const world = activityWorld({ objects, unreachable });
    await expect(look(world)).resolves.toMatchObject({
      blocked: { reason: expect.stringContaining('does not answer') as unknown, again: true },
    });
    expect(on(world, 'a')).toEqual({});
    expect(stored(world).status).toBeUndefined();
  });

  test('asks no workload cluster before there is a control plane', async () => {
    const early = { ...cluster, status: { conditions: [aCondition('InfrastructureReady', 'True')] } };
    const world = activityWorld({
      objects: [early, check, aTarget(cluster, 'a')],
      unreachable: new PerdureError('Transient', 'there is none'),
    });
    await expect(look(world)).resolves.toMatchObject({ expected: 1, healthy: 0, unhealthy: 0, pending: 0 });
    expect(on(world, 'a')).toEqual({});
  });

  test.each<[string, KubeObject[]]>([
    ['is not there', []],
    [
      'is being deleted',
      [{ ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: NOW, finalizers: ['x'] } }],
    ],
  ])('does nothing when its cluster %s', async (_, clusters) => {
    const world = worldOf([], ...clusters, check, aTarget(cluster, 'a'));
    await expect(look(world)).resolves.toMatchObject({
      blocked: { reason: expect.stringContaining('demo') as unknown, again: false },
    });
    expect(on(world, 'a')).toEqual({});
  });

  test('that is paused gives it its Paused condition and nothing else', async () => {
    const paused = { ...cluster, spec: { ...cluster.spec, paused: true } };
    const world = worldOf([], paused, check, aTarget(cluster, 'a'));
    await expect(look(world)).resolves.toMatchObject({ paused: true });
    expect(verdicts(stored(world).status)).toEqual({ Paused: 'True Paused' });
    expect(on(world, 'a')).toEqual({});
  });
});

describe('external remediation', () => {
  const group = 'remediation.example.com';
  const templateRef = { apiVersion: `${group}/v1alpha1`, kind: 'RebootTemplate', name: 'reboot' };
  const external = aHealthCheck(cluster, { remediation: { templateRef } });
  const kind: ResourceKind = { group, version: 'v1alpha1', kind: 'Reboot', plural: 'reboots', namespaced: true };
  const template = {
    apiVersion: `${group}/v1alpha1`,
    kind: 'RebootTemplate',
    metadata: { name: 'reboot', namespace: 'default', uid: 'uid-template' },
    spec: { template: { metadata: { labels: { from: 'template' } }, spec: { strategy: { retryLimit: 1 } } } },
  } as KubeObject;
  const target = aTarget(cluster, 'a');
  const sick = (...more: KubeObject[]) => worldOf([aNode('a', 'Unknown')], cluster, external, target, ...more);
  const request = (world: ActivityWorld) => world.kube.peek<KubeObject>(kind, { namespace: 'default', name: 'a' });
  const legacyOf = (world: ActivityWorld) =>
    (stored(world).status?.deprecated?.v1beta1?.conditions ?? []).map((c) => `${c.type} ${c.status}`);
  const WAITING = { ...BAD, ExternallyRemediated: 'False WaitingForRemediation' };

  test('is asked for by a clone of the template, named as the machine and owned by it; the owner is not asked', async () => {
    const world = sick(template);
    await look(world);
    expect(request(world)).toMatchObject({
      apiVersion: `${group}/v1alpha1`,
      kind: 'Reboot',
      metadata: {
        name: 'a',
        labels: { from: 'template', 'cluster.x-k8s.io/cluster-name': 'demo' },
        annotations: {
          'cluster.x-k8s.io/cloned-from-name': 'reboot',
          'cluster.x-k8s.io/cloned-from-groupkind': `RebootTemplate.${group}`,
        },
        ownerReferences: [ownerReference(target, { controller: false })],
      },
      spec: { strategy: { retryLimit: 1 } },
    });
    expect(on(world, 'a')).toEqual(WAITING);
    expect(await writesOf(world.kube, () => look(world))).toBe(0);
  });

  test('killed after any write and run again comes to the same', async () => {
    const writes = await killedAfterEachWrite(
      () => sick(template),
      look,
      (after, undisturbed, n) => expect({ n, after }).toEqual({ n, after: undisturbed }),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
  });

  test('ends with the request when the machine has recovered', async () => {
    const world = sick(template);
    await look(world);
    world.workload.put(aNode('a'));
    await look(world);
    expect(request(world)).toBeUndefined();
    expect(on(world, 'a')).toEqual(GOOD);
  });

  test('killed after any write of its end it is over all the same', async () => {
    const recovered = () => {
      const asked = { ...aCondition('ExternallyRemediated', 'False'), reason: 'WaitingForRemediation' };
      const before = aTarget(cluster, 'a', { conditions: [aCondition('HealthCheckSucceeded', 'False'), asked] });
      const made = { ...template, kind: 'Reboot', metadata: { name: 'a', namespace: 'default', uid: 'uid-request' } };
      const owned = {
        ...made,
        metadata: { ...made.metadata, ownerReferences: [ownerReference(before, { controller: false })] },
      };
      return worldOf([aNode('a')], cluster, external, before, template, owned);
    };
    await killedAfterEachWrite(recovered, look, (after, undisturbed, n) => {
      expect({ n, after }).toEqual({ n, after: undisturbed });
      expect(Object.keys(after)).not.toContain('Reboot/default/a');
    });
  });

  test('a request that is not the machine’s is enough, and stays when the machine has recovered', async () => {
    const theirs = { ...template, kind: 'Reboot', metadata: { name: 'a', namespace: 'default', uid: 'uid-theirs' } };
    const world = sick(template, theirs);
    await look(world);
    expect(on(world, 'a')).toEqual(WAITING);
    world.workload.put(aNode('a'));
    await look(world);
    expect(request(world)?.metadata.uid).toBe('uid-theirs');
  });

  test('without its template is trouble: the machine and the health check say so, the lane tries again', async () => {
    const world = sick();
    const facts = await look(world);
    expect(facts.trouble).toContain('RebootTemplate reboot');
    expect(on(world, 'a')).toEqual({ ...BAD, ExternallyRemediated: 'False RemediationTemplateNotFound' });
    expect(legacyOf(world)).toEqual(['ExternalRemediationTemplateAvailable False', 'RemediationAllowed True']);
    expect(await writesOf(world.kube, () => look(world))).toBe(0);
    world.kube.put(template);
    await expect(look(world)).resolves.not.toHaveProperty('trouble');
    expect(on(world, 'a')).toEqual(WAITING);
    expect(legacyOf(world)).toEqual(['ExternalRemediationTemplateAvailable True', 'RemediationAllowed True']);
  });

  test('a request that cannot be made is trouble, and named', async () => {
    const world = sick(template);
    world.kube.failNext(
      { verb: 'create', kind: 'Reboot' },
      new PerdureError('InvalidConfiguration', 'spec.x is wrong'),
    );
    const facts = await look(world);
    expect(facts.trouble).toContain('spec.x is wrong');
    const machine = world.kube.peek<Machine>(KINDS.Machine, target.metadata);
    expect(on(world, 'a')).toEqual({ ...BAD, ExternallyRemediated: 'False RemediationRequestCreationFailed' });
    expect(messageOf(machine?.status, 'ExternallyRemediated')).toContain('spec.x is wrong');
    await look(world);
    expect(on(world, 'a')).toEqual(WAITING);
    expect(Object.keys(snapshot(world.kube))).toContain('Reboot/default/a');
  });

  test('is forgotten when the health check has no template any more: the owner is asked', async () => {
    const world = sick(template);
    await look(world);
    world.kube.put({ ...stored(world), spec: { ...external.spec, remediation: {} } } as KubeObject);
    await look(world);
    expect(on(world, 'a')).toEqual(ASKED);
    expect(await writesOf(world.kube, () => look(world))).toBe(0);
  });

  test('is not asked for while too many are unhealthy', async () => {
    const remediation = { templateRef, triggerIf: { unhealthyLessThanOrEqualTo: 0 } };
    const world = worldOf([aNode('a', 'Unknown')], cluster, aHealthCheck(cluster, { remediation }), target, template);
    await look(world);
    expect(request(world)).toBeUndefined();
    expect(on(world, 'a')).toEqual(BAD);
  });
});
