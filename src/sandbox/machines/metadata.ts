import { createHash } from 'node:crypto';
import type { MetadataConfig } from './agent/protocol.js';
import { type InventoryInstance, userDataBytes } from './inventory.js';

/** The emulator's keys never expire, and clients only look whether the time is ahead. */
const CREDENTIALS_FROM = '2024-01-01T00:00:00Z';
const CREDENTIALS_UNTIL = '2099-01-01T00:00:00Z';

/**
 * What the metadata service tells an instance: the paths below `/latest/` that cloud-init, the AWS SDKs and cloud controllers read. Credentials are
 * made up: the emulator takes any key.
 */
export function metadataFor(instance: InventoryInstance): MetadataConfig {
  return {
    ip: instance.privateIp,
    enabled: instance.httpEndpoint !== 'disabled',
    tokenRequired: instance.httpTokens === 'required',
    entries: { ...basics(instance), ...interfaceEntries(instance), ...roleEntries(instance), ...tagEntries(instance) },
    userDataBase64: instance.userData === '' ? '' : userDataBytes(instance).toString('base64'),
  };
}

function basics(instance: InventoryInstance): Record<string, string> {
  const { availabilityZone, region } = instance;
  return {
    'meta-data/ami-id': instance.imageId,
    'meta-data/ami-launch-index': String(instance.launchIndex),
    'meta-data/hostname': instance.privateDnsName,
    'meta-data/instance-action': 'none',
    'meta-data/instance-id': instance.id,
    'meta-data/instance-life-cycle': 'on-demand',
    'meta-data/instance-type': instance.instanceType,
    'meta-data/local-hostname': instance.privateDnsName,
    'meta-data/local-ipv4': instance.privateIp,
    ...present('meta-data/public-ipv4', instance.publicIp),
    ...present('meta-data/mac', instance.macAddress),
    'meta-data/placement/availability-zone': availabilityZone,
    'meta-data/placement/region': region,
    'meta-data/security-groups': instance.securityGroups.join('\n'),
    'meta-data/services/domain': 'amazonaws.com',
    'meta-data/services/partition': 'aws',
    ...(instance.keyName ? { 'meta-data/public-keys/0': instance.keyName } : {}),
    'dynamic/instance-identity/document': JSON.stringify(
      {
        accountId: instance.account,
        architecture: 'x86_64',
        availabilityZone,
        imageId: instance.imageId,
        instanceId: instance.id,
        instanceType: instance.instanceType,
        privateIp: instance.privateIp,
        region,
        version: '2017-09-30',
      },
      null,
      2,
    ),
  };
}

function interfaceEntries(instance: InventoryInstance): Record<string, string> {
  if (instance.macAddress === '') return {};
  const at = `meta-data/network/interfaces/macs/${instance.macAddress}`;
  return {
    [`${at}/device-number`]: '0',
    [`${at}/local-hostname`]: instance.privateDnsName,
    [`${at}/local-ipv4s`]: instance.privateIp,
    [`${at}/mac`]: instance.macAddress,
    [`${at}/owner-id`]: instance.account,
    [`${at}/security-group-ids`]: instance.securityGroups.join('\n'),
    [`${at}/subnet-id`]: instance.subnetId,
    [`${at}/subnet-ipv4-cidr-block`]: instance.subnetCidr,
    [`${at}/vpc-id`]: instance.vpcId,
    [`${at}/vpc-ipv4-cidr-block`]: instance.vpcCidr,
    [`${at}/vpc-ipv4-cidr-blocks`]: instance.vpcCidr,
  };
}

function roleEntries(instance: InventoryInstance): Record<string, string> {
  const role = instance.iamInstanceProfile;
  if (role === '') return {};
  const secret = createHash('sha256').update(`credentials ${instance.id}`).digest('hex');
  return {
    'meta-data/iam/info': JSON.stringify({
      Code: 'Success',
      LastUpdated: CREDENTIALS_FROM,
      InstanceProfileArn: `arn:aws:iam::${instance.account}:instance-profile/${role}`,
    }),
    [`meta-data/iam/security-credentials/${role}`]: JSON.stringify({
      Code: 'Success',
      LastUpdated: CREDENTIALS_FROM,
      Type: 'AWS-HMAC',
      AccessKeyId: `ASIA${secret.slice(0, 16).toUpperCase()}`,
      SecretAccessKey: secret.slice(16, 56),
      Token: secret,
      Expiration: CREDENTIALS_UNTIL,
    }),
  };
}

function tagEntries(instance: InventoryInstance): Record<string, string> {
  if (instance.instanceMetadataTags !== 'enabled') return {};
  return Object.fromEntries(
    Object.entries(instance.tags).map(([key, value]) => [`meta-data/tags/instance/${key}`, value]),
  );
}

function present(key: string, value: string): Record<string, string> {
  return value === '' ? {} : { [key]: value };
}
