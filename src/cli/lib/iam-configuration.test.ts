import { describe, expect, test } from '@jest/globals';
import { cloudFormation } from '../../domain/aws/iam/cloudformation.js';
import { policyOf } from '../../domain/aws/iam/policy.js';
import { readIamConfiguration } from './iam-configuration.js';

const HEAD = 'apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSIAMConfiguration\n';
const read = (spec: string) => readIamConfiguration(`${HEAD}spec:\n${spec.replaceAll(/^/gm, '  ')}`);

describe('a configuration of upstream’s', () => {
  test('without anything has its defaults', () => {
    expect(readIamConfiguration(HEAD)).toMatchObject({
      stackName: 'cluster-api-provider-aws-sigs-k8s-io',
      options: { nameSuffix: '.cluster-api-provider-aws.sigs.k8s.io', secretBackends: ['secrets-manager'] },
      leftOut: [],
    });
  });

  test('says names, places and what is permitted', () => {
    const { options, ...rest } = read(
      [
        'namePrefix: team-',
        'nameSuffix: ""',
        'region: eu-west-1',
        'stackName: mine',
        'stackTags: {cost: a}',
        'secureSecretBackends: [ssm-parameter-store]',
        's3Buckets: {enable: true}',
        'allowAssumeRole: true',
        'eventBridge: {enable: true}',
      ].join('\n'),
    );
    expect(rest).toEqual({ stackName: 'mine', stackTags: { cost: 'a' }, region: 'eu-west-1', leftOut: [] });
    expect(options).toMatchObject({ namePrefix: 'team-', nameSuffix: '', bucketPrefix: 'cluster-api-provider-aws-' });
    const actions = policyOf('controllers', options).Statement.flatMap(({ Action }) => Action);
    expect(actions).toEqual(
      expect.arrayContaining(['ssm:PutParameter', 's3:CreateBucket', 'sqs:CreateQueue', 'sts:AssumeRole']),
    );
    expect(actions).not.toContain('secretsmanager:CreateSecret');
  });

  test('adds to roles, and leaves out those that are disabled', () => {
    const { options } = read(
      [
        'nodes:',
        '  extraPolicyAttachments: ["arn:aws:iam::aws:policy/Extra"]',
        '  permissionsBoundary: arn:aws:iam::1:policy/boundary',
        '  tags: {a: b}',
        '  extraStatements: [{Effect: Allow, Action: ["kms:Decrypt"], Resource: ["*"]}]',
        '  trustStatements: [{Effect: Allow, Action: ["sts:AssumeRole"], Principal: {AWS: ["*"]}}]',
        'controlPlane: {disable: true}',
      ].join('\n'),
    );
    const { Resources } = cloudFormation(options);
    expect(Object.keys(Resources).filter((name) => name.endsWith('ControlPlane'))).toEqual([]);
    expect(Resources['RoleNodes']?.Properties).toMatchObject({
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/Extra'],
      PermissionsBoundary: 'arn:aws:iam::1:policy/boundary',
      Tags: [{ Key: 'a', Value: 'b' }],
      AssumeRolePolicyDocument: { Statement: [{}, { Principal: { AWS: ['*'] } }] },
    });
    expect(policyOf('nodes', options).Statement.at(-1)?.Action).toEqual(['kms:Decrypt']);
    expect(JSON.stringify(Resources)).not.toContain('RoleControlPlane');
  });

  test('names what has no counterpart', () => {
    const given = 'eks: {}\nbootstrapUser: {enable: true}\nnodes: {ec2ContainerRegistryReadOnly: false}';
    expect(read(given).leftOut).toEqual(['spec.nodes.ec2ContainerRegistryReadOnly', 'spec.bootstrapUser', 'spec.eks']);
    expect(read('eks: {disable: true}').leftOut).toEqual([]);
  });

  test.each([
    ['an unknown field', 'nodez: {}', /nodez/],
    ['a wrong value', 'secureSecretBackends: [vault]', /spec\.secureSecretBackends\[0\]/],
    ['a wrong type', 'stackName: {}', /spec\.stackName/],
  ])('with %s is an error that names the field', (_, spec, message) => {
    expect(() => read(spec)).toThrow(message);
  });

  test.each([
    ['another kind', HEAD.replace('AWSIAMConfiguration', 'Other')],
    ['another version', HEAD.replace('v1beta1', 'v1alpha1')],
  ])('of %s is refused', (_, content) => {
    expect(() => readIamConfiguration(content)).toThrow(/apiVersion and kind: want/);
  });
});
