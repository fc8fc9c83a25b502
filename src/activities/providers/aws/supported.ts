import type { AWSCluster } from '../../../api/types/aws.js';
import { PerdureError } from '../../../domain/errors.js';

/**
 * Throws `InvalidConfiguration` for the load balancers that cannot stand before API servers: an application balancer ends TLS, with certificates that AWSCluster
 * has no field for, and loses the clients' own; a gateway balancer (`elb`) passes packets to appliances. AWS would refuse their listeners after the rest is made.
 */
export function assertSupported({ metadata, spec }: AWSCluster): void {
  const type = spec.controlPlaneLoadBalancer?.loadBalancerType ?? 'classic';
  if (type !== 'alb' && type !== 'elb') return;
  const field = 'spec.controlPlaneLoadBalancer.loadBalancerType';
  throw new PerdureError(
    'InvalidConfiguration',
    `AWSCluster ${metadata.namespace}/${metadata.name}: ${field} ${type} cannot pass TCP connections on, which clients of the API server need; use nlb, classic or disabled`,
    { details: { field, value: type } },
  );
}
