import { isIP } from 'node:net';
import { EXTERNAL_KINDS, GC_ANNOTATION, GC_TASKS_ANNOTATION } from '../../domain/aws/external.js';
import { isBoolean, parseTasks } from '../../domain/collect/wish.js';
import type { AWSAPIEndpoint, AWSCluster, AWSClusterSpec, BastionSpec, S3Bucket } from '../types/aws.js';
import { checkCidrs, checkSSHKeyName, checkTags } from './aws-fields.js';
import { checkLoadBalancers, checkLoadBalancerUpdates, loadBalancerWarnings } from './aws-load-balancer.js';
import { checkNetwork } from './aws-network.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, required, type Verdict, verdict } from './field-errors.js';
import { ensureObject, optionalObject, sameJson } from './json.js';

const MANAGED_BY = 'cluster.x-k8s.io/managed-by';

/** Defaults of an AWSClusterSpec, in place. Source: capa api/v1beta2/defaults.go. */
export function defaultAWSClusterSpec(spec: AWSClusterSpec): void {
  const network = ensureObject(spec, 'network');
  if (network.cni === undefined || network.cni === null) {
    network.cni = {
      cniIngressRules: [
        { description: 'bgp (calico)', protocol: 'tcp', fromPort: 179, toPort: 179 },
        { description: 'IP-in-IP (calico)', protocol: '4', fromPort: -1, toPort: 65_535 },
      ],
    };
  }
  spec.identityRef ??= { kind: 'AWSClusterControllerIdentity', name: 'default' };
  const primary = ensureObject(spec, 'controlPlaneLoadBalancer');
  primary.scheme ??= 'internet-facing';
  primary.loadBalancerType ||= 'classic';
  const secondary = optionalObject(spec, 'secondaryControlPlaneLoadBalancer');
  if (!secondary) return;
  secondary.scheme ??= 'internal';
  secondary.loadBalancerType ||= 'nlb';
}

/** A copy with defaults: network plug-in rules for Calico, the controller's identity, load balancer types and schemes. */
export function defaultAWSCluster(cluster: AWSCluster): AWSCluster {
  const out = structuredClone(cluster);
  defaultAWSClusterSpec(ensureObject(out, 'spec'));
  return out;
}

/** Rules for one AWSCluster, and with `old` for the change. Source: capa webhooks/awscluster_webhook.go. */
export function validateAWSCluster(cluster: AWSCluster, old: AWSCluster | undefined, ctx: AdmissionContext): Verdict {
  const errors = [...checkSpec(cluster.spec, ctx), ...checkGC(cluster)];
  if (!old) return verdict(errors, loadBalancerWarnings(cluster.spec));
  const changed = !sameJson(old.spec.controlPlaneLoadBalancer, cluster.spec.controlPlaneLoadBalancer);
  return verdict([...errors, ...checkUpdate(old, cluster)], changed ? loadBalancerWarnings(cluster.spec) : []);
}

function checkSpec(spec: AWSClusterSpec, ctx: AdmissionContext): FieldError[] {
  return [
    ...checkBastion(spec.bastion, 'spec.bastion'),
    ...checkSSHKeyName(spec.sshKeyName, 'spec.sshKeyName'),
    ...checkTags(spec.additionalTags, 'spec.additionalTags'),
    ...checkS3Bucket(spec.s3Bucket, 'spec.s3Bucket', ctx),
    ...checkNetwork(spec.network, 'spec.network'),
    ...checkLoadBalancers(spec),
  ];
}

/** Shared with the template. */
export function checkBastion(bastion: BastionSpec | undefined, path: string): FieldError[] {
  if (bastion?.disableIngressRules && (bastion.allowedCIDRBlocks ?? []).length > 0) {
    return [
      forbidden(`${path}.allowedCIDRBlocks`, 'cannot be set when disableIngressRules is true: remove one of them'),
    ];
  }
  return checkCidrs(bastion?.allowedCIDRBlocks, `${path}.allowedCIDRBlocks`);
}

function checkS3Bucket(bucket: S3Bucket | undefined, path: string, ctx: AdmissionContext): FieldError[] {
  if (!bucket) return [];
  const errors: FieldError[] = [];
  if (!ctx.gates.BootstrapFormatIgnition) {
    errors.push(
      forbidden(path, 'can only be set with feature gate BootstrapFormatIgnition: turn it on or remove the bucket'),
    );
  }
  if (isIP(bucket.name) !== 0)
    errors.push(invalid(`${path}.name`, bucket.name, 'must not be formatted as an IP address'));
  if (bucket.presignedURLDuration !== undefined) return errors;
  if (!bucket.controlPlaneIAMInstanceProfile) {
    errors.push(required(`${path}.controlPlaneIAMInstanceProfile`, 'give a profile, or set presignedURLDuration'));
  }
  const profiles = bucket.nodesIAMInstanceProfiles ?? [];
  if (profiles.length === 0)
    errors.push(required(`${path}.nodesIAMInstanceProfiles`, 'give a profile, or set presignedURLDuration'));
  profiles.forEach((profile, i) => {
    if (profile === '') errors.push(required(`${path}.nodesIAMInstanceProfiles[${i}]`, 'a profile cannot be empty'));
  });
  return errors;
}

function checkUpdate(old: AWSCluster, cluster: AWSCluster): FieldError[] {
  const errors = checkLoadBalancerUpdates(old.spec, cluster.spec);
  if ((old.spec.region ?? '') !== (cluster.spec.region ?? '')) {
    errors.push(
      invalid('spec.region', cluster.spec.region, 'cannot be changed: make another cluster in the other region'),
    );
  }
  const endpoint = endpointText(cluster.spec.controlPlaneEndpoint);
  const oldEndpoint = endpointText(old.spec.controlPlaneEndpoint);
  if (oldEndpoint !== undefined && endpoint !== oldEndpoint) {
    const message = `cannot be changed from ${oldEndpoint}: machines and kubeconfigs refer to it`;
    errors.push(invalid('spec.controlPlaneEndpoint', endpoint, message));
  }
  const vpcId = old.spec.network?.vpc?.id;
  if (vpcId && cluster.spec.network?.vpc?.id !== vpcId) {
    const message = `cannot be changed once set (${vpcId}): make another cluster for another VPC`;
    errors.push(invalid('spec.network.vpc.id', cluster.spec.network?.vpc?.id, message));
  }
  if (old.spec.identityRef && !cluster.spec.identityRef) {
    errors.push(invalid('spec.identityRef', undefined, 'cannot be removed: name another identity instead'));
  }
  if (isExternallyManaged(old) && !isExternallyManaged(cluster)) {
    errors.push(invalid('metadata.annotations', undefined, `annotation ${MANAGED_BY} cannot be removed once set`));
  }
  return errors;
}

function isExternallyManaged(cluster: AWSCluster): boolean {
  return cluster.metadata.annotations?.[MANAGED_BY] !== undefined;
}

/** `host:port`, undefined while both are empty. */
function endpointText(endpoint: AWSAPIEndpoint | undefined): string | undefined {
  if (!endpoint?.host && !endpoint?.port) return undefined;
  return `${endpoint.host ?? ''}:${endpoint.port ?? 0}`;
}

/** The switches of the collection of external resources. */
function checkGC({ metadata: { annotations = {} } }: AWSCluster): FieldError[] {
  const errors: FieldError[] = [];
  const enabled = annotations[GC_ANNOTATION];
  if (enabled !== undefined && !isBoolean(enabled))
    errors.push(invalid('metadata.annotations', enabled, `annotation ${GC_ANNOTATION} must be true or false`));
  for (const task of parseTasks(annotations[GC_TASKS_ANNOTATION], EXTERNAL_KINDS).unknown) {
    const names = EXTERNAL_KINDS.map((kind) => kind.name).join(', ');
    const message = `annotation ${GC_TASKS_ANNOTATION} has an unknown task: use ${names}`;
    errors.push(invalid('metadata.annotations', task, message));
  }
  return errors;
}
