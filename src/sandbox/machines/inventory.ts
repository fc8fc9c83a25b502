import { isRecord } from './files.js';

/** States of an EC2 instance. */
export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

/** An instance as the emulator's admin feed shows it. */
export interface InventoryInstance {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly state: InstanceState;
  readonly imageId: string;
  /** Empty when the image is not known, or has no name. */
  readonly imageName: string;
  readonly instanceType: string;
  readonly launchIndex: number;
  readonly privateIp: string;
  readonly privateDnsName: string;
  readonly publicIp: string;
  readonly macAddress: string;
  readonly vpcId: string;
  readonly vpcCidr: string;
  readonly subnetId: string;
  readonly subnetCidr: string;
  readonly securityGroups: readonly string[];
  readonly keyName: string;
  /** Base64, as the EC2 API takes it. Holds bootstrap secrets: never logged. */
  readonly userData: string;
  readonly iamInstanceProfile: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly httpEndpoint: string;
  readonly httpTokens: string;
  readonly instanceMetadataTags: string;
}

export interface InventoryTarget {
  readonly instanceId: string;
  readonly ip: string;
  readonly port: number;
  /** State of the instance; `running` for targets that are addresses. */
  readonly state: string;
}

export interface InventoryHealthCheck {
  /** `TCP:6443`, `HTTPS:traffic-port/readyz`, … */
  readonly target: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

export interface InventoryListener {
  readonly port: number;
  readonly protocol: string;
  readonly targets: readonly InventoryTarget[];
  readonly healthCheck: InventoryHealthCheck | undefined;
}

/** A classic or v2 load balancer as the emulator's admin feed shows it. */
export interface InventoryLoadBalancer {
  readonly name: string;
  readonly arn: string;
  readonly type: string;
  readonly account: string;
  readonly region: string;
  readonly dnsName: string;
  readonly vpcId: string;
  readonly listeners: readonly InventoryListener[];
}

/** Identity of a load balancer: v2 ones have an ARN, classic ones only a name in an account and region. */
export function balancerKey(lb: InventoryLoadBalancer): string {
  return lb.arn || `classic/${lb.account}/${lb.region}/${lb.name}`;
}

/** Reads the feed's answer; entries that are no instances are dropped. */
export function readInstances(value: unknown): InventoryInstance[] {
  return list(value)
    .map(readInstance)
    .filter((instance) => instance.id !== '');
}

/** Reads the feed's answer; entries without a DNS name are dropped. */
export function readLoadBalancers(value: unknown): InventoryLoadBalancer[] {
  return list(value)
    .map(readLoadBalancer)
    .filter((lb) => lb.dnsName !== '');
}

/** Raw bytes of an instance's user data. */
export function userDataBytes(instance: InventoryInstance): Buffer {
  const text = instance.userData.replaceAll(/\s/g, '');
  // The API only takes base64; anything else was put in past the API and is meant as it stands.
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : Buffer.from(instance.userData, 'utf8');
}

function readInstance(entry: Record<string, unknown>): InventoryInstance {
  const options = isRecord(entry['metadataOptions']) ? entry['metadataOptions'] : {};
  return {
    id: text(entry['id']),
    account: text(entry['account']),
    region: text(entry['region']),
    availabilityZone: text(entry['availabilityZone']),
    state: text(entry['state']) as InstanceState,
    imageId: text(entry['imageId']),
    imageName: text(entry['imageName']),
    instanceType: text(entry['instanceType']),
    launchIndex: count(entry['launchIndex']),
    privateIp: text(entry['privateIp']),
    privateDnsName: text(entry['privateDnsName']),
    publicIp: text(entry['publicIp']),
    macAddress: text(entry['macAddress']),
    vpcId: text(entry['vpcId']),
    vpcCidr: text(entry['vpcCidr']),
    subnetId: text(entry['subnetId']),
    subnetCidr: text(entry['subnetCidr']),
    securityGroups: Array.isArray(entry['securityGroups']) ? entry['securityGroups'].map(text) : [],
    keyName: text(entry['keyName']),
    userData: text(entry['userData']),
    iamInstanceProfile: text(entry['iamInstanceProfile']),
    tags: isRecord(entry['tags'])
      ? Object.fromEntries(Object.entries(entry['tags']).map(([k, v]) => [k, text(v)]))
      : {},
    httpEndpoint: text(options['httpEndpoint']) || 'enabled',
    httpTokens: text(options['httpTokens']) || 'optional',
    instanceMetadataTags: text(options['instanceMetadataTags']) || 'disabled',
  };
}

function readLoadBalancer(entry: Record<string, unknown>): InventoryLoadBalancer {
  return {
    name: text(entry['name']),
    arn: text(entry['arn']),
    type: text(entry['type']),
    account: text(entry['account']),
    region: text(entry['region']),
    dnsName: text(entry['dnsName']),
    vpcId: text(entry['vpcId']),
    listeners: list(entry['listeners']).map((listener) => ({
      port: count(listener['port']),
      protocol: text(listener['protocol']),
      targets: list(listener['targets'])
        .map((t) => ({
          instanceId: text(t['instanceId']),
          ip: text(t['ip']),
          port: count(t['port']),
          state: text(t['state']),
        }))
        .filter((t) => t.ip !== ''),
      healthCheck: readHealthCheck(listener['healthCheck']),
    })),
  };
}

function readHealthCheck(value: unknown): InventoryHealthCheck | undefined {
  if (!isRecord(value)) return undefined;
  return {
    target: text(value['target']),
    intervalSeconds: count(value['intervalSeconds']),
    timeoutSeconds: count(value['timeoutSeconds']),
    healthyThreshold: count(value['healthyThreshold']),
    unhealthyThreshold: count(value['unhealthyThreshold']),
  };
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
