import { describe, expect, test } from '@jest/globals';
import type { ClusterFacts, CommonFacts, MachineFacts } from '../facts.js';
import { planCluster } from './cluster.js';
import { planMachine } from './machine.js';
import { commonGates, type Decision } from './plan.js';

const common: CommonFacts = {
  exists: true,
  paused: false,
  deleting: false,
  generation: 1,
  cluster: 'ns/c',
  attempt: 'now',
};
const failed = (attempt: string, type: 'InvalidConfiguration' | 'QuotaExceeded' = 'InvalidConfiguration') => ({
  operation: 'CreateCluster',
  type,
  message: 'no such field',
  attempt,
});
const short = (d: Decision | undefined): string =>
  d === undefined ? 'go on' : d.do === 'operate' ? d.operation : `${d.outcome}${d.requeueSeconds ? ` again` : ''}`;

describe('the gates of every lane', () => {
  test.each<[string, Partial<CommonFacts>, string]>([
    ['absent', { exists: false, paused: true, deleting: true }, 'Absent'],
    ['paused, which blocks deletion too', { paused: true, deleting: true }, 'Paused'],
    ['deleting, whatever failed', { deleting: true, failure: failed('now') }, 'Delete'],
    ['failed', { failure: failed('now') }, 'Failed'],
    ['failed in a way the world may mend', { failure: failed('now', 'QuotaExceeded') }, 'Failed again'],
    ['failed, and changed since', { failure: failed('before') }, 'go on'],
    [
      'deleting, which a person stopped',
      { deleting: true, failure: { ...failed('now'), operation: 'Delete', type: 'Cancelled' } },
      'Failed',
    ],
    [
      'deleting, which was stopped before',
      { deleting: true, failure: { ...failed('before'), operation: 'Delete', type: 'Cancelled' } },
      'Delete',
    ],
    [
      'deleting, after its creation was stopped',
      { deleting: true, failure: { ...failed('now'), type: 'Cancelled' } },
      'Delete',
    ],
    ['well', {}, 'go on'],
  ])('%s', (_, facts, expected) => {
    expect(short(commonGates({ ...common, ...facts }, 'Delete'))).toBe(expected);
  });

  test('say what failed and why, shortly', () => {
    const message = 'x'.repeat(500);
    const gate = commonGates({ ...common, failure: { ...failed('now'), message } }, 'Delete');
    expect(gate?.reason).toMatch(/^CreateCluster failed: InvalidConfiguration: x+$/);
    expect(gate?.reason.length).toBe(300);
  });
});

describe('a cluster', () => {
  const settled: ClusterFacts = {
    ...common,
    hasInfrastructure: true,
    provider: 'aws',
    cloudQueue: 'q',
    infrastructureProvisioned: true,
    infrastructureStale: false,
    infrastructureDeleting: false,
    controlPlaneInitialized: true,
    available: true,
    complete: true,
    everAvailable: true,
    desired: { controlPlane: 1, workers: 1 },
  };
  const { provider: _, ...thirdParty } = settled;

  test.each<[string, ClusterFacts, string]>([
    ['new', { ...settled, available: false, everAvailable: false }, 'CreateCluster'],
    [
      'available before its infrastructure says so',
      { ...settled, infrastructureProvisioned: false, everAvailable: false },
      'CreateCluster',
    ],
    ['taken over in good health', { ...settled, everAvailable: false }, 'Converged'],
    ['ill after it was well', { ...settled, available: false }, 'Waiting'],
    ['with a new infra spec', { ...settled, infrastructureStale: true }, 'RepairInfrastructure'],
    ['drifted', { ...settled, drift: 'subnet gone' }, 'RepairInfrastructure'],
    ['of a third party, which minds its own drift', { ...thirdParty, infrastructureStale: true }, 'Converged'],
    ['that did not answer just now', { ...settled, probeAgainInSeconds: 30 }, 'Waiting again'],
    ['well', settled, 'Converged'],
    ['deleting', { ...settled, deleting: true }, 'DeleteCluster'],
  ])('%s', (_name, facts, expected) => {
    expect(short(planCluster(facts))).toBe(expected);
  });

  test('tells what drifted', () => {
    expect(planCluster({ ...settled, drift: 'subnet gone' }).reason).toBe('subnet gone');
  });
});

describe('a machine', () => {
  const running: MachineFacts = {
    ...common,
    provider: 'aws',
    cloudQueue: 'q',
    controlPlane: false,
    clusterDeleting: false,
    infrastructureReady: true,
    controlPlaneInitialized: true,
    bootstrapReady: true,
    provisioned: true,
    hasNode: true,
    nodeReady: true,
    ready: true,
    available: true,
    availableInSeconds: 0,
  };
  const fresh = { bootstrapReady: false, provisioned: false, hasNode: false, nodeReady: false, ready: false };

  test.each<[string, Partial<MachineFacts>, string]>([
    ['running', {}, 'Converged'],
    ['fresh', fresh, 'ProvisionMachine'],
    ['whose node has not joined', { hasNode: false, nodeReady: false, ready: false }, 'ProvisionMachine'],
    ['whose node is not ready any more', { nodeReady: false, ready: false, available: false }, 'Waiting'],
    ['whose node is not ready, and which drifted', { nodeReady: false, drift: 'stopped' }, 'RepairMachine'],
    ['whose cluster does not answer', { holdsForSeconds: 40 }, 'Waiting again'],
    ['of a cluster that goes', { ...fresh, clusterDeleting: true }, 'Waiting'],
    ['before the infrastructure', { ...fresh, infrastructureReady: false }, 'Waiting'],
    ['worker before the control plane', { ...fresh, controlPlaneInitialized: false }, 'Waiting'],
    [
      'first of the control plane',
      { ...fresh, controlPlane: true, controlPlaneInitialized: false },
      'ProvisionMachine',
    ],
    [
      'with data made elsewhere',
      { ...fresh, bootstrapReady: true, controlPlaneInitialized: false },
      'ProvisionMachine',
    ],
    ['drifted', { drift: 'not registered' }, 'RepairMachine'],
    ['soon available', { available: false, availableInSeconds: 7 }, 'Waiting again'],
    ['deleting in a cluster that goes', { deleting: true, clusterDeleting: true }, 'DeleteMachine'],
  ])('%s', (_name, facts, expected) => {
    expect(short(planMachine({ ...running, ...facts }))).toBe(expected);
  });
});
