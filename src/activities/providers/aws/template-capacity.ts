import type { Image, InstanceTypeInfo } from '@aws-sdk/client-ec2';
import type { AWSMachineTemplate } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import { type TypeFacts, templateFacts } from '../../../domain/aws/capacity.js';
import { LABEL } from '../../../domain/names.js';
import type { CallContext } from '../port.js';
import type { AwsCall } from './cloud.js';
import { classify } from './errors.js';
import { pages, pieces } from './pages.js';
import { recorder } from './record.js';
import type { ClusterView } from './scope.js';

type Named = Pick<ClusterView, 'namespace' | 'clusterName'>;

/** Filters of EC2 take this many values. */
const VALUES = 200;

/**
 * Writes capacity and node information on templates of the clusters that have none yet, for cluster-autoscaler to scale from zero: two reads for all of
 * them, none when all are told. A type that the region does not offer is left untold: its machines say so. A template's spec never changes, so once
 * is enough. Nothing else fails because of it: what goes wrong is logged, and tried again at the next sweep.
 */
export async function tellCapacity(ctx: CallContext, aws: AwsCall, clusters: readonly Named[]): Promise<void> {
  try {
    await tell(ctx, aws, clusters);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    ctx.log.warn('capacity of templates cannot be told', { error: classify(error).message });
  }
}

async function tell(ctx: CallContext, aws: AwsCall, clusters: readonly Named[]): Promise<void> {
  const templates = await ctx.kube.list<AWSMachineTemplate>(KINDS.AWSMachineTemplate, {}, ctx.signal);
  const untold = templates.filter((one) => isOf(one, clusters) && !one.metadata.deletionTimestamp && !isTold(one));
  if (untold.length === 0) return;
  const [types, images] = await Promise.all([
    typesOf(aws, distinct(untold.map(({ spec }) => spec.template.spec.instanceType))),
    imagesOf(aws, distinct(untold.map(({ spec }) => spec.template.spec.ami?.id ?? ''))),
  ]);
  for (const template of untold) {
    const { instanceType, ami } = template.spec.template.spec;
    const type = types.get(instanceType);
    if (!type) {
      const { namespace, name } = template.metadata;
      ctx.log.warn('instance type of a template is not offered', { namespace, name, instanceType });
      continue;
    }
    const facts = templateFacts(factsOf(type), images.get(ami?.id ?? '')?.Platform?.toLowerCase() === 'windows');
    const stored = recorder(ctx.kube, KINDS.AWSMachineTemplate, template, ctx.signal);
    await stored.store((copy) => {
      copy.status = { ...copy.status, ...facts };
    }, 'status');
  }
}

const isTold = ({ status }: AWSMachineTemplate): boolean => status?.capacity !== undefined;

/** Templates belong to the clusters that own them, as their users see to, or that their label names. */
function isOf({ metadata }: AWSMachineTemplate, clusters: readonly Named[]): boolean {
  const { namespace, ownerReferences = [], labels } = metadata;
  const owners = ownerReferences.filter(
    ({ kind, apiVersion }) => kind === 'Cluster' && apiVersion.startsWith(`${KINDS.Cluster.group}/`),
  );
  const names = new Set([...owners.map(({ name }) => name), labels?.[LABEL.clusterName]]);
  return clusters.some((cluster) => cluster.namespace === namespace && names.has(cluster.clusterName));
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].filter((value) => value !== '').sort();

function factsOf({ VCpuInfo, MemoryInfo, GpuInfo, ProcessorInfo }: InstanceTypeInfo): TypeFacts {
  const gpus = (GpuInfo?.Gpus ?? []).filter(({ Manufacturer }) => Manufacturer?.toUpperCase() === 'NVIDIA');
  return {
    vcpus: VCpuInfo?.DefaultVCpus,
    memoryMiB: MemoryInfo?.SizeInMiB,
    gpus: gpus.reduce((sum, { Count = 0 }) => sum + Count, 0),
    arm: ProcessorInfo?.SupportedArchitectures?.includes('arm64') ?? false,
  };
}

async function typesOf({ ec2 }: AwsCall, types: readonly string[]): Promise<ReadonlyMap<string, InstanceTypeInfo>> {
  const found = new Map<string, InstanceTypeInfo>();
  for (const Values of pieces(types, VALUES)) {
    const some = await pages(async (NextToken) => {
      const Filters = [{ Name: 'instance-type', Values }];
      const page = await ec2.describeInstanceTypes({ Filters, ...(NextToken ? { NextToken } : {}) });
      return { items: page.InstanceTypes ?? [], next: page.NextToken };
    });
    for (const type of some) found.set(type.InstanceType ?? '', type);
  }
  return found;
}

async function imagesOf({ ec2 }: AwsCall, ids: readonly string[]): Promise<ReadonlyMap<string, Image>> {
  const found = new Map<string, Image>();
  for (const Values of pieces(ids, VALUES)) {
    const { Images = [] } = await ec2.describeImages({ Filters: [{ Name: 'image-id', Values }] });
    for (const image of Images) found.set(image.ImageId ?? '', image);
  }
  return found;
}
