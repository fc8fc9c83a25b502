import type { Vpc, VpcCidrBlockAssociation } from '@aws-sdk/client-ec2';
import type { AWSCluster } from '../../../../api/types/aws.js';
import type { Change, EnsureTask } from '../../port.js';
import type { Cloud } from '../cloud.js';
import { isAbsent } from '../errors.js';
import { type ClusterScope, type ClusterView, isManagedVpc, requireVpcId, vpcOf } from '../scope.js';
import { defineTask } from '../task.js';
import { pollUntil, whenVisible } from '../wait.js';

/** Blocks that were added to a VPC of the user's; only those are taken off again. */
const ADDED_ANNOTATION = 'perdure.dev/aws-added-cidr-blocks';

interface Observed {
  readonly associations: readonly VpcCidrBlockAssociation[];
}

/** True when the cluster has, or has had, further IPv4 blocks. */
export function wantsSecondaryCidrs({ spec, metadata }: AWSCluster): boolean {
  return (
    (spec.network?.vpc?.secondaryCidrBlocks ?? []).length > 0 || metadata.annotations?.[ADDED_ANNOTATION] !== undefined
  );
}

/** Further IPv4 blocks of the VPC. None is taken off while the cluster lives: subnets may lie in it. Source: capa secondarycidr.go. */
export function secondaryCidrsTask(cloud: Cloud): EnsureTask<AWSCluster, Observed> {
  return defineTask<Observed>(cloud, {
    id: 'secondary-cidrs',
    title: 'Ensure secondary CIDR blocks',
    dependsOn: ['vpc'],
    condition: 'SecondaryCidrsReady',
    observe: async (scope) => ({ associations: await associationsOf(scope) }),
    plan,
    apply,
    remove,
  });
}

const wanted = (view: ClusterView): string[] =>
  (vpcOf(view).secondaryCidrBlocks ?? []).map((block) => block.ipv4CidrBlock);

function added({ object }: ClusterView): string[] {
  return (object.metadata.annotations?.[ADDED_ANNOTATION] ?? '').split(',').filter(Boolean);
}

async function associationsOf({ aws, ...scope }: ClusterScope): Promise<VpcCidrBlockAssociation[]> {
  const { id } = vpcOf(scope);
  if (!id) return [];
  const { Vpcs } = await aws.ec2.describeVpcs({ Filters: [{ Name: 'vpc-id', Values: [id] }] });
  const vpc: Vpc | undefined = Vpcs?.[0];
  return (vpc?.CidrBlockAssociationSet ?? []).filter(
    ({ CidrBlockState }) => !['disassociated', 'failed'].includes(CidrBlockState?.State ?? ''),
  );
}

function plan(view: ClusterView, { associations }: Observed): Change[] {
  const name = vpcOf(view).id ?? 'spec.network.vpc';
  return wanted(view).flatMap((block): Change[] => {
    const found = associations.find(({ CidrBlock }) => CidrBlock === block);
    if (!found) return [{ action: 'create', resource: 'cidr-block', name, detail: block }];
    if (found.CidrBlockState?.State === 'associated') return [];
    return [{ action: 'update', resource: 'cidr-block', name, detail: `wait until ${block} is associated` }];
  });
}

async function apply(scope: ClusterScope, { associations }: Observed): Promise<void> {
  const VpcId = requireVpcId(scope);
  const missing = wanted(scope).filter((block) => !associations.some(({ CidrBlock }) => CidrBlock === block));
  if (missing.length > 0 && !isManagedVpc(scope)) {
    await scope.record((_, metadata) => {
      const all = [...new Set([...added(scope), ...missing])].join(',');
      metadata.annotations = { ...metadata.annotations, [ADDED_ANNOTATION]: all };
    });
  }
  for (const CidrBlock of missing)
    await whenVisible(scope.ctx, () => scope.aws.ec2.associateVpcCidrBlock({ VpcId, CidrBlock }));
  await pollUntil(scope.ctx, 'secondary CIDR blocks to be associated', async () => {
    const live = await associationsOf(scope);
    const done = wanted(scope).every((block) =>
      live.some(({ CidrBlock, CidrBlockState }) => CidrBlock === block && CidrBlockState?.State === 'associated'),
    );
    return done ? true : undefined;
  });
}

async function remove(scope: ClusterScope): Promise<void> {
  const ours = new Set(isManagedVpc(scope) ? wanted(scope) : added(scope));
  const left = async (): Promise<VpcCidrBlockAssociation[]> =>
    (await associationsOf(scope)).filter(({ CidrBlock }) => ours.has(CidrBlock ?? ''));
  if (ours.size === 0) return;
  for (const { AssociationId, CidrBlockState } of await left()) {
    if (CidrBlockState?.State === 'disassociating') continue;
    try {
      await scope.aws.ec2.disassociateVpcCidrBlock({ AssociationId });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  await pollUntil(scope.ctx, 'secondary CIDR blocks to be gone', async () =>
    (await left()).length === 0 ? true : undefined,
  );
}
