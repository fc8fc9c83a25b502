import type { AWSClusterSpec, AWSLoadBalancerSpec, TargetGroupIPType } from '../types/aws.js';
import { checkIngressRules } from './aws-fields.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';

const PRIMARY = 'spec.controlPlaneLoadBalancer';
const SECONDARY = 'spec.secondaryControlPlaneLoadBalancer';

/** Both control plane load balancers of a cluster. Source: capa webhooks/awscluster_webhook.go. */
export function checkLoadBalancers(spec: AWSClusterSpec): FieldError[] {
  const primary = spec.controlPlaneLoadBalancer;
  const secondary = spec.secondaryControlPlaneLoadBalancer;
  const errors: FieldError[] = [];
  if (primary) errors.push(...checkTargets(spec, primary, PRIMARY), ...checkDisabled(primary));
  if (secondary) errors.push(...checkTargets(spec, secondary, SECONDARY), ...checkSecondary(primary, secondary));
  return errors;
}

function checkTargets(spec: AWSClusterSpec, lb: AWSLoadBalancerSpec, path: string): FieldError[] {
  const types: [TargetGroupIPType | undefined, string][] = [
    [lb.targetGroupIPType, `${path}.targetGroupIPType`],
    ...(lb.additionalListeners ?? []).map((listener, i): [TargetGroupIPType | undefined, string] => [
      listener.targetGroupIPType,
      `${path}.additionalListeners[${i}].targetGroupIPType`,
    ]),
  ];
  const errors = types.flatMap(([type, at]) => {
    const found: FieldError[] = [];
    if (type !== undefined && lb.loadBalancerType === 'classic') {
      found.push(
        invalid(
          at,
          type,
          'classic load balancers have no target groups: use loadBalancerType nlb or leave the field out',
        ),
      );
    }
    if (type === 'ipv6' && !spec.network?.vpc?.ipv6) {
      found.push(invalid(at, type, 'needs a VPC with IPv6: set spec.network.vpc.ipv6'));
    }
    return found;
  });
  return [...errors, ...checkIngressRules(lb.ingressRules, `${path}.ingressRules`)];
}

/** With type `disabled` the user brings the endpoint, so nothing about a load balancer may be said. */
function checkDisabled(lb: AWSLoadBalancerSpec): FieldError[] {
  if (lb.loadBalancerType !== 'disabled') return [];
  const set: [keyof AWSLoadBalancerSpec, boolean][] = [
    ['name', lb.name !== undefined],
    ['crossZoneLoadBalancing', lb.crossZoneLoadBalancing === true],
    ['subnets', (lb.subnets ?? []).length > 0],
    ['healthCheckProtocol', lb.healthCheckProtocol !== undefined],
    ['additionalSecurityGroups', (lb.additionalSecurityGroups ?? []).length > 0],
    ['additionalListeners', (lb.additionalListeners ?? []).length > 0],
    ['ingressRules', (lb.ingressRules ?? []).length > 0],
    ['preserveClientIP', lb.preserveClientIP === true],
    ['disableHostsRewrite', lb.disableHostsRewrite === true],
    ['targetGroupIPType', lb.targetGroupIPType !== undefined],
  ];
  return set
    .filter(([, given]) => given)
    .map(([field]) =>
      invalid(`${PRIMARY}.${field}`, scalar(lb[field]), 'cannot be set when loadBalancerType is disabled: remove it'),
    );
}

function scalar(value: unknown): unknown {
  return Array.isArray(value) ? `${value.length} items` : value;
}

function checkSecondary(primary: AWSLoadBalancerSpec | undefined, secondary: AWSLoadBalancerSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!secondary.name) errors.push(required(`${SECONDARY}.name`, 'give the second load balancer a name of its own'));
  if (secondary.name && secondary.name === primary?.name) {
    errors.push(invalid(`${SECONDARY}.name`, secondary.name, `must differ from ${PRIMARY}.name`));
  }
  if (secondary.scheme !== undefined && secondary.scheme === (primary?.scheme ?? 'internet-facing')) {
    const other = secondary.scheme === 'internal' ? 'internet-facing' : 'internal';
    errors.push(
      invalid(
        `${SECONDARY}.scheme`,
        secondary.scheme,
        `the two load balancers must have different schemes: use ${other}`,
      ),
    );
  }
  if (secondary.loadBalancerType !== 'nlb') {
    errors.push(
      invalid(
        `${SECONDARY}.loadBalancerType`,
        secondary.loadBalancerType,
        'the second load balancer must be of type nlb',
      ),
    );
  }
  return errors;
}

/** What cannot change once a load balancer was asked for. A missing old one counts as the default. */
export function checkLoadBalancerUpdates(old: AWSClusterSpec, spec: AWSClusterSpec): FieldError[] {
  const errors = checkUpdate(old.controlPlaneLoadBalancer ?? {}, spec.controlPlaneLoadBalancer ?? {}, PRIMARY);
  if (!old.secondaryControlPlaneLoadBalancer) return errors;
  if (!spec.secondaryControlPlaneLoadBalancer) {
    return [...errors, forbidden(SECONDARY, 'cannot be removed: its address is in the certificates of the cluster')];
  }
  return [
    ...errors,
    ...checkUpdate(old.secondaryControlPlaneLoadBalancer, spec.secondaryControlPlaneLoadBalancer, SECONDARY),
  ];
}

function checkUpdate(old: AWSLoadBalancerSpec, lb: AWSLoadBalancerSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const remedy = 'cannot be changed: make another cluster';
  if ((old.loadBalancerType === 'disabled') !== (lb.loadBalancerType === 'disabled')) {
    const message = 'cannot be changed from or to disabled: the endpoint of the cluster would change';
    errors.push(invalid(`${path}.loadBalancerType`, lb.loadBalancerType, message));
  }
  if ((old.scheme ?? 'internet-facing') !== (lb.scheme ?? 'internet-facing')) {
    errors.push(invalid(`${path}.scheme`, lb.scheme, remedy));
  }
  if (old.name !== lb.name) errors.push(invalid(`${path}.name`, lb.name, remedy));
  const classic = (old.loadBalancerType ?? 'classic') === 'classic';
  if (!classic && old.healthCheckProtocol !== lb.healthCheckProtocol) {
    errors.push(
      invalid(
        `${path}.healthCheckProtocol`,
        lb.healthCheckProtocol,
        'cannot be changed unless the load balancer is classic',
      ),
    );
  }
  if (old.targetGroupIPType !== lb.targetGroupIPType) errors.push(forbidden(`${path}.targetGroupIPType`, remedy));
  return errors;
}

/** Advice that does not refuse. */
export function loadBalancerWarnings(spec: AWSClusterSpec): string[] {
  const lb = spec.controlPlaneLoadBalancer;
  if (lb?.loadBalancerType !== 'classic') return [];
  const warnings = [
    `${PRIMARY}.loadBalancerType: classic load balancers are deprecated by AWS; use nlb for new clusters`,
  ];
  if (lb.healthCheckProtocol === 'SSL') {
    warnings.push(
      `${PRIMARY}.healthCheckProtocol: SSL checks of classic load balancers fail with Kubernetes 1.30 and later; use TCP`,
    );
  }
  return warnings;
}
