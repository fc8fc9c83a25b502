import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../contract.js';
import { fieldChanges } from './changes.js';
import type { CloudChange, ManifestDocument, ManifestWorld, ObjectRef, PlanStep } from './types.js';

interface Ref {
  readonly kind: string;
  readonly name: string;
}

/** The template of that name, as the manifest would have it. */
export function templateOf(world: ManifestWorld, namespace: string, ref: Ref): KubeObject | undefined {
  const isIt = (o: KubeObject): boolean =>
    o.kind === ref.kind && o.metadata.name === ref.name && (o.metadata.namespace ?? '') === namespace;
  return world.documents.map((d) => d.wanted).find(isIt) ?? world.templates.find(isIt);
}

/** The machine of the cloud that a template stands for, in words. */
export function instanceOf(world: ManifestWorld, namespace: string, ref: Ref): string {
  const template = templateOf(world, namespace, ref);
  const type = readPath(template, 'spec.template.spec.instanceType');
  return typeof type === 'string' ? `an instance of ${type}` : `an instance of ${ref.kind} ${ref.name}`;
}

/** Parts of an AWSCluster and what they stand for in the cloud. */
const AWS_PARTS: readonly (readonly [prefix: string, resource: string])[] = [
  ['spec.network.vpc', 'VPC'],
  ['spec.network.subnets', 'subnets'],
  ['spec.network.cni', 'security group rules'],
  ['spec.network.securityGroupOverrides', 'security groups'],
  ['spec.network.additionalControlPlaneIngressRules', 'security group rules'],
  ['spec.network.additionalNodeIngressRules', 'security group rules'],
  ['spec.network.nodePortIngressRuleCidrBlocks', 'security group rules'],
  ['spec.network', 'network'],
  ['spec.controlPlaneLoadBalancer', 'load balancer of the API server'],
  ['spec.secondaryControlPlaneLoadBalancer', 'second load balancer of the API server'],
  ['spec.bastion', 'bastion host'],
  ['spec.s3Bucket', 'S3 bucket'],
  ['spec.additionalTags', 'tags of all resources'],
];

function infrastructureChanges({ ref, live, wanted, refusal }: ManifestDocument): CloudChange[] {
  if (wanted.kind !== 'AWSCluster' || refusal !== undefined) return [];
  if (!live) return [{ action: 'create', resource: 'network and load balancer', count: 1, of: ref }];
  const parts = fieldChanges(live, wanted).flatMap(({ field }) => {
    const part = AWS_PARTS.find(([prefix]) => field === prefix || field.startsWith(`${prefix}.`));
    return part ? [part[1]] : [];
  });
  return [...new Set(parts)].map((resource) => ({ action: 'change' as const, resource, count: 1, of: ref }));
}

/** Machines and infrastructure of the cloud that come, go and change. */
export function cloudChanges(world: ManifestWorld, steps: readonly PlanStep[]): CloudChange[] {
  const groups = new Map<string, ObjectRef>();
  for (const { group } of steps) groups.set(`${group.kind}/${group.namespace}/${group.name}`, group);
  const count = (of: ObjectRef, action: PlanStep['action']): number =>
    steps
      .filter((s) => s.group.kind === of.kind && s.group.name === of.name && s.group.namespace === of.namespace)
      .filter((s) => s.kind === 'Machine' && s.action === action).length;
  const machines = [...groups.values()].flatMap((of) =>
    (['create', 'delete'] as const).map(
      (action): CloudChange => ({ action, resource: 'instance', count: count(of, action), of }),
    ),
  );
  return [...world.documents.flatMap(infrastructureChanges), ...machines].filter((c) => c.count > 0);
}
