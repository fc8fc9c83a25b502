import type { Instance } from '@aws-sdk/client-ec2';
import { allocateAddress, ownAddresses, releaseAddress } from './addresses.js';
import { hasCode } from './errors.js';
import { machineTags } from './machine-repair.js';
import type { MachineScope } from './machine-scope.js';
import { resourceName } from './names.js';
import { TAG } from './tags.js';

/** Allocation id of the machine's elastic address, once it is associated. */
const ADDRESS_ANNOTATION = 'perdure.dev/aws-address';

const keyOf = ({ ctx }: MachineScope): string => `ec2/${ctx.machineId}`;
const owner = ({ aws, ctx }: MachineScope) => ({ aws, clusterId: ctx.clusterId });

/**
 * Gives a running instance with `publicIP` an elastic address of the pool that its spec names. Found by tag before one is allocated. Source: capa
 * pkg/cloud/services/ec2/eip.go.
 */
export async function repairAddress(scope: MachineScope, instance: Instance): Promise<void> {
  const { object, aws } = scope;
  const { elasticIpPool, publicIP } = object.spec;
  if (!elasticIpPool || !publicIP) return;
  if (object.metadata.annotations?.[ADDRESS_ANNOTATION] && instance.PublicIpAddress) return;
  const [known] = await ownAddresses(owner(scope), keyOf(scope));
  const tags = {
    ...machineTags(scope),
    [TAG.name]: resourceName.address(scope.ctx.cluster.metadata.name, `ec2-${instance.InstanceId}`),
    [TAG.key]: keyOf(scope),
  };
  const AllocationId = known?.AllocationId ?? (await allocateAddress(aws, tags, elasticIpPool));
  if (known?.InstanceId !== instance.InstanceId)
    await aws.ec2.associateAddress({ AllocationId, InstanceId: instance.InstanceId ?? '', AllowReassociation: true });
  await scope.record(({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, [ADDRESS_ANNOTATION]: AllocationId };
  });
}

/** Gives the machine's elastic address back; absent is success. Call it when the instance is gone. */
export async function releaseOwnAddress(scope: MachineScope): Promise<void> {
  if (!scope.object.spec.elasticIpPool) return;
  for (const { AllocationId = '', AssociationId } of await ownAddresses(owner(scope), keyOf(scope))) {
    try {
      if (AssociationId) await scope.aws.ec2.disassociateAddress({ AssociationId });
    } catch (error) {
      if (!hasCode(error, 'InvalidAssociationID.NotFound')) throw error;
    }
    await releaseAddress(scope, AllocationId);
  }
}
