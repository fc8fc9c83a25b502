import { describe, expect, test } from '@jest/globals';
import type { AWSClusterSpec, AWSClusterTemplate, AWSMachineSpec, AWSMachineTemplate } from '../types/aws.js';
import { defaultAWSClusterTemplate, validateAWSClusterTemplate } from './aws-cluster-template.js';
import { validateAWSMachineTemplate } from './aws-machine-template.js';
import { DEFAULT_GATES } from './context.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const dryRun = { ...ctx, dryRun: true };
const DRY_RUN = { 'topology.cluster.x-k8s.io/dry-run': '' };
const apiVersion = 'infrastructure.cluster.x-k8s.io/v1beta2';

function machineTemplate(
  spec: Partial<AWSMachineSpec> = {},
  annotations: Record<string, string> = {},
): AWSMachineTemplate {
  return {
    apiVersion,
    kind: 'AWSMachineTemplate',
    metadata: { name: 't', namespace: 'ns', annotations },
    spec: { template: { spec: { instanceType: 'm5.large', ...spec } } },
  };
}

function clusterTemplate(spec: AWSClusterSpec = {}, annotations: Record<string, string> = {}): AWSClusterTemplate {
  return {
    apiVersion,
    kind: 'AWSClusterTemplate',
    metadata: { name: 't', namespace: 'ns', annotations },
    spec: { template: { spec } },
  };
}

describe('AWSMachineTemplate', () => {
  test.each<[string, Partial<AWSMachineSpec>, string[]]>([
    ['the least', {}, []],
    ['a provider id', { providerID: 'p' }, ['providerID']],
    [
      'secret names',
      { cloudInit: { secretPrefix: 'p', secretCount: 1 } },
      ['cloudInit.secretPrefix', 'cloudInit.secretCount'],
    ],
    ['host affinity without a host', { tenancy: 'host', hostAffinity: 'host' }, ['hostID']],
    ['a bad volume', { rootVolume: { size: 8, type: 'io1' } }, ['rootVolume.iops']],
    ['Ignition without the gate', { ignition: {} }, ['ignition']],
    ['a bad tag', { additionalTags: { '': '' } }, ['additionalTags']],
  ])('judges a new one with %s', (_, spec, paths) => {
    const { errors } = validateAWSMachineTemplate(machineTemplate(spec), undefined, ctx);
    expect(errors.map((e) => e.path)).toEqual(paths.map((path) => `spec.template.spec.${path}`));
  });

  test('cannot be changed, and says what was', () => {
    const { errors } = validateAWSMachineTemplate(
      machineTemplate({ iamInstanceProfile: 'b' }),
      machineTemplate({ iamInstanceProfile: 'a' }),
      ctx,
    );
    expect(errors.map((e) => e.path)).toEqual(['spec.template.spec']);
    expect(errors[0]?.message).toContain('iamInstanceProfile');
  });

  test('its metadata can be changed', () => {
    const made = machineTemplate();
    made.spec.template.metadata = { labels: { a: 'b' } };
    expect(validateAWSMachineTemplate(made, machineTemplate(), ctx).errors).toEqual([]);
  });

  test('may gain the metadata options that older ones lack, and not change them', () => {
    const options = (httpTokens: 'optional' | 'required') =>
      machineTemplate({ instanceMetadataOptions: { httpTokens } });
    expect(validateAWSMachineTemplate(options('optional'), machineTemplate(), ctx).errors).toEqual([]);
    expect(validateAWSMachineTemplate(options('required'), options('optional'), ctx).errors).toHaveLength(1);
  });

  test('can be changed in the dry run of a topology controller only', () => {
    const old = machineTemplate();
    const made = { instanceType: 'c5.large' };
    expect(validateAWSMachineTemplate(machineTemplate(made, DRY_RUN), old, dryRun).errors).toEqual([]);
    expect(validateAWSMachineTemplate(machineTemplate(made, DRY_RUN), old, ctx).errors).toHaveLength(1);
    expect(validateAWSMachineTemplate(machineTemplate(made), old, dryRun).errors).toHaveLength(1);
  });
});

describe('AWSClusterTemplate', () => {
  test('gets the defaults of AWSCluster', () => {
    expect(defaultAWSClusterTemplate(clusterTemplate()).spec.template.spec).toMatchObject({
      identityRef: { name: 'default' },
      controlPlaneLoadBalancer: { loadBalancerType: 'classic' },
    });
  });

  test.each<[string, AWSClusterSpec, string[]]>([
    ['the least', {}, []],
    ['a bad bastion', { bastion: { allowedCIDRBlocks: ['x'] } }, ['bastion.allowedCIDRBlocks[0]']],
    ['a bad key', { sshKeyName: ' ' }, ['sshKeyName']],
  ])('judges a new one with %s', (_, spec, paths) => {
    const { errors } = validateAWSClusterTemplate(clusterTemplate(spec), undefined, ctx);
    expect(errors.map((e) => e.path)).toEqual(paths.map((path) => `spec.template.spec.${path}`));
  });

  test('cannot be changed, except by defaults and in a dry run', () => {
    const old = clusterTemplate({ region: 'r' });
    const other = defaultAWSClusterTemplate(clusterTemplate({ region: 's' }, DRY_RUN));
    expect(validateAWSClusterTemplate(defaultAWSClusterTemplate(old), old, ctx).errors).toEqual([]);
    expect(validateAWSClusterTemplate(other, old, ctx).errors.map((e) => e.path)).toEqual(['spec']);
    expect(validateAWSClusterTemplate(other, old, dryRun).errors).toEqual([]);
  });
});
