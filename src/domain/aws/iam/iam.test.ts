import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { actionsOf, CALLS, type Service } from './calls.js';
import { cloudFormation } from './cloudformation.js';
import { DEFAULT_IAM, DOCUMENTS, policyOf } from './policy.js';

const PROVIDER = fileURLToPath(new URL('../../../activities/providers/aws/', import.meta.url));
const SERVICES = Object.keys(CALLS) as Service[];

/** `service.call` of every call in the provider's source. */
function callsInSource(): string[] {
  const files = readdirSync(PROVIDER, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && path.basename(file) !== 'testing.ts',
  );
  const pattern = new RegExp(`\\b(${SERVICES.join('|')})\\s*\\.\\s*([a-z]\\w+)\\s*\\(`, 'g');
  const found = files.flatMap((file) =>
    [...readFileSync(path.join(PROVIDER, file), 'utf8').matchAll(pattern)].map(
      ([, service, call]) => `${service}.${call}`,
    ),
  );
  return [...new Set(found)].sort();
}

describe('the permissions that Perdure asks for', () => {
  test('are those of the calls it makes, and no others', () => {
    const known = SERVICES.flatMap((service) => CALLS[service].map((call) => `${service}.${call}`)).sort();
    expect(callsInSource()).toEqual(known);
    expect(known.length).toBeGreaterThan(100);
  });

  test('and it makes no call in another way', () => {
    const others = readdirSync(PROVIDER, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') &&
        !file.endsWith('.test.ts') &&
        path.basename(file) !== 'testing.ts' &&
        // signs a URL, and calls nobody
        path.basename(file) !== 'presign.ts' &&
        /new \w+Command\(/.test(readFileSync(path.join(PROVIDER, file), 'utf8')),
    );
    expect(others).toEqual([]);
  });

  test('name actions as IAM does', () => {
    expect(actionsOf('tagging', 'sts')).toEqual(['sts:AssumeRole', 'tag:GetResources']);
    expect(actionsOf('elb', 'elbv2').filter((action) => action === 'elasticloadbalancing:AddTags')).toHaveLength(1);
  });

  test('let secrets be touched only where bootstrap data is kept, and pass only roles of machines', () => {
    const statements = policyOf('controllers', { ...DEFAULT_IAM, namePrefix: 'team-', partition: 'aws-cn' }).Statement;
    const about = (action: string) => statements.filter((one) => one.Action.some((a) => a.startsWith(action)));
    expect(about('secretsmanager:').map((one) => one.Resource)).toEqual([
      ['arn:aws-cn:secretsmanager:*:*:secret:aws.cluster.x-k8s.io/*'],
    ]);
    expect(about('iam:PassRole')[0]?.Resource).toEqual([
      'arn:aws-cn:iam::*:role/team-*.cluster-api-provider-aws.sigs.k8s.io',
    ]);
    expect(about('sts:')).toEqual([]);
    expect(policyOf('controllers', { ...DEFAULT_IAM, allowAssumeRole: true }).Statement.at(-1)?.Action).toEqual([
      'sts:AssumeRole',
    ]);
  });

  test.each(DOCUMENTS)('of %s fit into a managed policy', (name) => {
    // IAM counts no white space. Source: IAM quotas.
    expect(JSON.stringify(policyOf(name)).length).toBeLessThan(6_144);
  });
});

describe('the CloudFormation template', () => {
  test('makes the roles and profiles that templates of machines name, each with its policies', () => {
    const { Resources } = cloudFormation();
    const names = Object.values(Resources).map(({ Type, Properties: p }) => [
      Type,
      p['ManagedPolicyName'] ?? p['RoleName'] ?? p['InstanceProfileName'],
    ]);
    expect(names).toContainEqual(['AWS::IAM::InstanceProfile', 'control-plane.cluster-api-provider-aws.sigs.k8s.io']);
    expect(names).toContainEqual(['AWS::IAM::Role', 'nodes.cluster-api-provider-aws.sigs.k8s.io']);
    expect(Resources['PolicyNodes']?.Properties['Roles']).toEqual([{ Ref: 'RoleControlPlane' }, { Ref: 'RoleNodes' }]);
    const references = JSON.stringify(Resources).matchAll(/"Ref":"(\w+)"/g);
    for (const [, name = ''] of references) expect(Object.keys(Resources)).toContain(name);
  });

  test('follows the partition', () => {
    expect(JSON.stringify(cloudFormation({ ...DEFAULT_IAM, partition: 'aws-cn' }))).toContain('ec2.amazonaws.com.cn');
  });
});
