import { describe, expect, test } from '@jest/globals';
import type { Cluster, MachineSet } from '../../api/types/index.js';
import type { KubeObject } from '../../api/types/meta.js';
import { ANNOTATION } from '../names.js';
import { setPreflight } from './set-preflight.js';

interface Change {
  readonly spec?: string;
  readonly status?: string;
  readonly workers?: string;
  readonly topology?: string;
  readonly step?: string;
  readonly kind?: string;
  readonly skip?: string;
  readonly skipByTemplate?: string;
}

function failed(change: Change): string[] {
  const { spec = 'v1.34.4', workers = 'v1.34.4', kind = 'KubeadmConfigTemplate' } = change;
  const { status = spec } = change;
  const annotated = (skip: string | undefined) => (skip === undefined ? {} : { [ANNOTATION.skipPreflight]: skip });
  const cluster = {
    metadata: { name: 'demo', annotations: change.step ? { [ANNOTATION.upgradeStep]: change.step } : {} },
    spec: {
      controlPlaneRef: { apiGroup: 'g', kind: 'KubeadmControlPlane', name: 'demo' },
      ...(change.topology ? { topology: { version: change.topology } } : {}),
    },
  } as unknown as Cluster;
  const controlPlane = {
    kind: 'KubeadmControlPlane',
    metadata: { namespace: 'default', name: 'demo' },
    spec: spec === '' ? {} : { version: spec },
    status: status === '' ? {} : { version: status },
  } as unknown as KubeObject;
  const set = {
    metadata: { name: 'workers', annotations: annotated(change.skip) },
    spec: { template: { spec: { version: workers, bootstrap: { configRef: { kind } } } } },
  } as unknown as MachineSet;
  const bootstrapTemplate = { metadata: { name: 't', annotations: annotated(change.skipByTemplate) } } as KubeObject;
  return setPreflight({ set, cluster, controlPlane, bootstrapTemplate });
}

const checks = (change: Change): string[] =>
  failed(change).map((line) => /\("(\w+)" preflight check failed\)$/.exec(line)?.[1] ?? line);

describe('the checks before machines are made', () => {
  test.each<[string, Change, readonly string[]]>([
    ['all is well', {}, []],
    ['the control plane has no version', { spec: '', workers: 'v1.20.0' }, []],
    ['nothing of the control plane runs', { status: '' }, ['ControlPlaneIsStable']],
    [
      'the control plane upgrades',
      { spec: 'v1.35.0', status: 'v1.34.4' },
      ['ControlPlaneIsStable', 'KubeadmVersionSkew'],
    ],
    ['it goes up a patch with two digits', { spec: 'v1.34.10', status: 'v1.34.9' }, ['ControlPlaneIsStable']],
    ['it leaves a release candidate', { spec: 'v1.34.4', status: 'v1.34.4-rc.1' }, ['ControlPlaneIsStable']],
    ['it goes on to the next candidate', { spec: 'v1.34.4-rc.10', status: 'v1.34.4-rc.9' }, ['ControlPlaneIsStable']],
    ['it is built again', { spec: 'v1.34.4+b', status: 'v1.34.4+a' }, []],
    ['a machine is ahead of it', { status: 'v1.34.5' }, []],
    ['an upgrade of the topology is to come', { topology: 'v1.34.5' }, ['ControlPlaneIsStable']],
    ['the topology goes through several versions', { topology: 'v1.36.0', step: 'v1.34.4' }, []],
    ['workers are newer', { workers: 'v1.35.0' }, ['KubernetesVersionSkew', 'KubeadmVersionSkew']],
    ['workers are four minors older', { workers: 'v1.30.0' }, ['KubernetesVersionSkew', 'KubeadmVersionSkew']],
    ['workers are three minors older', { workers: 'v1.31.0' }, ['KubeadmVersionSkew']],
    ['they join without kubeadm', { workers: 'v1.31.0', kind: 'OtherConfigTemplate' }, []],
    [
      'a topology has workers of another patch',
      { topology: 'v1.34.4', workers: 'v1.34.3' },
      ['ControlPlaneVersionSkew'],
    ],
    ['all are skipped', { status: '', workers: 'v1.35.0', skip: 'All' }, []],
    ['one is skipped', { workers: 'v1.35.0', skip: 'KubeadmVersionSkew' }, ['KubernetesVersionSkew']],
    [
      'several are skipped',
      { status: '', workers: 'v1.35.0', skip: 'ControlPlaneIsStable, KubeadmVersionSkew' },
      ['KubernetesVersionSkew'],
    ],
    ['the template skips one', { workers: 'v1.31.0', skipByTemplate: 'KubeadmVersionSkew' }, []],
    [
      'the set has its own word',
      { workers: 'v1.31.0', skip: 'ControlPlaneIsStable', skipByTemplate: 'All' },
      ['KubeadmVersionSkew'],
    ],
  ])('when %s', (_, change, expected) => {
    expect(checks(change)).toEqual(expected);
  });

  test('say what would let them pass', () => {
    expect(failed({ workers: 'v1.35.0', skip: 'KubeadmVersionSkew' })).toEqual([
      'workers of v1.35.0 are newer than their control plane of v1.34.4; upgrade the control plane to v1.35 first ("KubernetesVersionSkew" preflight check failed)',
    ]);
    expect(failed({ topology: 'v1.34.5' })).toEqual([
      'KubeadmControlPlane default/demo has a pending version upgrade to v1.34.5; machines are made once it is there ("ControlPlaneIsStable" preflight check failed)',
    ]);
    expect(failed({ status: '' })).toEqual([
      'KubeadmControlPlane default/demo is provisioning; machines are made once it has one ("ControlPlaneIsStable" preflight check failed)',
    ]);
  });

  test('are none in a cluster that has no control plane of its own, and fail before there is the one it names', () => {
    const set = { metadata: { namespace: 'default', name: 'workers' }, spec: {} } as unknown as MachineSet;
    const of = (spec: object) => ({ metadata: {}, spec }) as unknown as Cluster;
    const nothing = { set, controlPlane: undefined, bootstrapTemplate: undefined };
    expect(setPreflight({ ...nothing, cluster: of({}) })).toEqual([]);
    const controlPlaneRef = { apiGroup: 'g', kind: 'KubeadmControlPlane', name: 'demo' };
    expect(setPreflight({ ...nothing, cluster: of({ controlPlaneRef }) })).toEqual([
      'KubeadmControlPlane default/demo does not exist; machines are made once it does',
    ]);
  });
});
