import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../test/helpers/fake-objects.js';
import type { KubeadmConfigSpec, KubeadmControlPlane, KubeObject } from '../../api/types/index.js';
import { controlPlaneConfigSpec } from '../bootstrap/control-plane-config.js';
import { ANNOTATION } from '../names.js';
import { nextOutdatedMs, outdatedReasons, upToDateCondition } from './control-plane-outdated.js';

const NOW = Date.parse('2026-02-01T00:00:00Z');
const day = (n: number): string => new Date(NOW + n * 86_400_000).toISOString();
const cluster = aCluster();
const config: KubeadmConfigSpec = {
  clusterConfiguration: {
    apiServer: {
      extraArgs: [
        { name: 'a', value: '1' },
        { name: 'b', value: '2' },
      ],
    },
  },
  initConfiguration: { nodeRegistration: { kubeletExtraArgs: [{ name: 'v', value: '4' }] } },
  joinConfiguration: { nodeRegistration: { kubeletExtraArgs: [{ name: 'v', value: '4' }] } },
  preKubeadmCommands: ['echo'],
};
const plane = (spec: Partial<KubeadmControlPlane['spec']> = {}) =>
  aControlPlane(cluster, { kubeadmConfigSpec: config, ...spec });
const machine = (expires?: string) => {
  const made = aMachine(cluster, {
    name: 'cp',
    controlPlane: plane(),
    ...(expires ? { status: { certificatesExpiryDate: expires } as never } : {}),
  });
  return { ...made, metadata: { ...made.metadata, creationTimestamp: day(-10) } };
};
const infra = (template: string, kind = 'AWSMachineTemplate'): KubeObject => ({
  apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2',
  kind: 'AWSMachine',
  metadata: {
    name: 'cp',
    annotations: {
      [ANNOTATION.clonedFromName]: template,
      [ANNOTATION.clonedFromGroupKind]: `${kind}.infrastructure.cluster.x-k8s.io`,
    },
  },
});
const madeFor = (spec: KubeadmConfigSpec | undefined, role: 'init' | 'join' = 'join') =>
  aKubeadmConfig(machine(), controlPlaneConfigSpec('it', spec, 'v1.34.4', role));

describe('a control plane machine is outdated', () => {
  test.each<[string, Partial<KubeadmControlPlane['spec']>, ReturnType<typeof machine>, string[]]>([
    ['not by itself', {}, machine(), []],
    ['by another version', { version: 'v1.35.0' }, machine(), ['Version v1.34.4, v1.35.0 required']],
    [
      'when rollout.after has passed since it was made',
      { rollout: { after: day(-1) } as never },
      machine(),
      ['KubeadmControlPlane spec.rollout.after expired'],
    ],
    ['not before rollout.after', { rollout: { after: day(1) } as never }, machine(), []],
    ['not when it was made after rollout.after', { rollout: { after: day(-11) } as never }, machine(), []],
    [
      'when its certificates expire soon',
      { rollout: { before: { certificatesExpiryDays: 14 } } as never },
      machine(day(13)),
      ['Certificates will expire soon'],
    ],
    [
      'not while its certificates last',
      { rollout: { before: { certificatesExpiryDays: 14 } } as never },
      machine(day(15)),
      [],
    ],
    [
      'not when nobody knows its certificates',
      { rollout: { before: { certificatesExpiryDays: 14 } } as never },
      machine(),
      [],
    ],
  ])('%s', (_, spec, of, expected) => {
    expect(outdatedReasons(plane(spec), { machine: of, config: madeFor(config) }, NOW)).toEqual(expected);
  });

  test('by what is written on it before the status knows', () => {
    const marked = machine();
    marked.metadata = { ...marked.metadata, annotations: { [ANNOTATION.certificatesExpiry]: day(3) } } as never;
    const soon = plane({ rollout: { before: { certificatesExpiryDays: 7 } } as never });
    expect(outdatedReasons(soon, { machine: marked }, NOW)).toEqual(['Certificates will expire soon']);
  });

  test('when it was cloned from another template, of another name or kind', () => {
    const of = (infrastructure: KubeObject | undefined) =>
      outdatedReasons(plane(), { machine: machine(), infrastructure }, NOW);
    expect(of(infra('demo'))).toEqual([]);
    expect(of(infra('other'))).toEqual(['AWSMachine is not up-to-date']);
    expect(of(infra('demo', 'OtherTemplate'))).toEqual(['AWSMachine is not up-to-date']);
    expect(of(undefined)).toEqual([]);
    expect(of({ ...infra('x'), metadata: { name: 'cp' } })).toEqual([]);
  });

  test('says all of it in its condition', () => {
    expect(upToDateCondition(['Version v1, v2 required', 'AWSMachine is not up-to-date'])).toEqual({
      type: 'UpToDate',
      status: 'False',
      reason: 'NotUpToDate',
      message: '* Version v1, v2 required\n* AWSMachine is not up-to-date',
    });
    expect(upToDateCondition([])).toEqual({ type: 'UpToDate', status: 'True', reason: 'UpToDate' });
  });
});

describe('the kubeadm configuration of a machine', () => {
  const differs = (change: Partial<KubeadmConfigSpec>, role: 'init' | 'join' = 'join', made = madeFor(config, role)) =>
    outdatedReasons(plane({ kubeadmConfigSpec: { ...config, ...change } }), { machine: machine(), config: made }, NOW)
      .length > 0;
  const args = (v: string) => ({ nodeRegistration: { kubeletExtraArgs: [{ name: 'v', value: v }] } });

  test.each<[string, Partial<KubeadmConfigSpec>, 'init' | 'join', boolean]>([
    ['nothing', {}, 'init', false],
    ['nothing', {}, 'join', false],
    ['the half of a joined machine', { joinConfiguration: args('5') }, 'join', true],
    ['the other half of a joined machine', { initConfiguration: args('5') }, 'join', false],
    ['the half of the first machine', { initConfiguration: args('5') }, 'init', true],
    ['the other half of the first machine', { joinConfiguration: args('5') }, 'init', false],
    ['what is written on every machine', { preKubeadmCommands: ['other'] }, 'join', true],
    ['an argument of the API server', { clusterConfiguration: { apiServer: { extraArgs: [] } } }, 'join', true],
    [
      'the order of arguments',
      {
        clusterConfiguration: {
          apiServer: {
            extraArgs: [
              { name: 'b', value: '2' },
              { name: 'a', value: '1' },
            ],
          },
        },
      },
      'join',
      false,
    ],
    [
      'the image of DNS',
      { clusterConfiguration: { ...config.clusterConfiguration, dns: { imageTag: 'v9' } } },
      'join',
      false,
    ],
    ['a default spelled out', { format: 'cloud-config' }, 'join', false],
    [
      'a default of the registration spelled out',
      { joinConfiguration: { nodeRegistration: { ...args('4').nodeRegistration, imagePullPolicy: 'IfNotPresent' } } },
      'join',
      false,
    ],
    [
      'no taints at all',
      { joinConfiguration: { nodeRegistration: { ...args('4').nodeRegistration, taints: [] } } },
      'join',
      true,
    ],
    [
      'the discovery',
      { joinConfiguration: { ...args('4'), discovery: { bootstrapToken: { apiServerEndpoint: 'x:1' } } } },
      'join',
      false,
    ],
  ])('compared with a wish that changes %s', (_, change, role, expected) => {
    expect(differs(change, role)).toBe(expected);
  });

  test('does not miss the gate that comes and goes with the version', () => {
    const made = aKubeadmConfig(machine(), controlPlaneConfigSpec('it', config, 'v1.30.0', 'join'));
    expect(differs({}, 'join', made)).toBe(false);
    const wished = { ...config.clusterConfiguration, featureGates: { ControlPlaneKubeletLocalMode: false } };
    expect(differs({ clusterConfiguration: wished }, 'join')).toBe(true);
  });

  test('of the first machine stays that when conversion gave it timeouts to join', () => {
    const made = madeFor(config, 'init');
    const joinConfiguration = { timeouts: { controlPlaneComponentHealthCheckSeconds: 240 } };
    expect(differs({}, 'init', { ...made, spec: { ...made.spec, joinConfiguration } })).toBe(false);
  });

  test('is the same as none where nothing is wished', () => {
    const none = plane({ kubeadmConfigSpec: {} });
    const made = aKubeadmConfig(machine(), controlPlaneConfigSpec('it', undefined, 'v1.34.4', 'join'));
    expect(outdatedReasons(none, { machine: machine(), config: made }, NOW)).toEqual([]);
  });
});

describe('the time a rollout begins by itself', () => {
  test('is the next of rollout.after and the certificates, once', () => {
    const of = (spec: object, expires?: string) =>
      nextOutdatedMs(plane({ rollout: spec as never }), [machine(expires)], NOW);
    expect(of({ after: day(3) })).toBe(Date.parse(day(3)));
    expect(of({ after: day(-3) })).toBeUndefined();
    expect(of({ after: day(9), before: { certificatesExpiryDays: 10 } }, day(15))).toBe(Date.parse(day(5)));
    expect(of({})).toBeUndefined();
  });
});
