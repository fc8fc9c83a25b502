import type { AWSCluster, AWSMachine } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';

type Check = readonly [field: string, used: boolean, instead: string];

/** Throws `InvalidConfiguration` naming the first field of the spec that this provider does not act on: ignoring it would be worse. */
export function assertSupported({ metadata, spec }: AWSCluster): void {
  refuse(`AWSCluster ${metadata.namespace}/${metadata.name}`, [
    ['spec.s3Bucket', spec.s3Bucket !== undefined, 'remove it'],
    [
      'spec.controlPlaneLoadBalancer.loadBalancerType',
      ['elb', 'alb'].includes(spec.controlPlaneLoadBalancer?.loadBalancerType ?? ''),
      'use classic, nlb or disabled: the others cannot pass TCP connections on, which clients of the API server need',
    ],
  ]);
}

/** The same for machines. */
export function assertMachineSupported({ metadata, spec }: AWSMachine): void {
  const confidential = spec.cpuOptions?.confidentialCompute;
  refuse(`AWSMachine ${metadata.namespace}/${metadata.name}`, [
    ['spec.ignition', spec.ignition !== undefined, 'use cloud-init'],
    [
      'spec.cloudInit.secureSecretsBackend',
      spec.cloudInit?.secureSecretsBackend === 'ssm-parameter-store',
      'use secrets-manager',
    ],
    ['spec.ami.eksLookupType', spec.ami?.eksLookupType !== undefined, 'set ami.id or the imageLookup fields'],
    ['spec.elasticIpPool', spec.elasticIpPool !== undefined, 'use publicIP alone'],
    ['spec.dynamicHostAllocation', spec.dynamicHostAllocation !== undefined, 'set hostID'],
    ['spec.assignPrimaryIPv6', spec.assignPrimaryIPv6 === 'enabled', 'set it to disabled'],
    [
      'spec.cpuOptions',
      (confidential !== undefined && confidential !== 'Disabled') ||
        spec.cpuOptions?.nestedVirtualization === 'enabled',
      'remove it',
    ],
  ]);
}

function refuse(object: string, checks: readonly Check[]): void {
  const found = checks.find(([, used]) => used);
  if (!found) return;
  const [field, , instead] = found;
  throw new PerdureError('InvalidConfiguration', `${object}: ${field} is not supported; ${instead}`, {
    details: { field },
  });
}
