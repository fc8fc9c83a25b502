import { stringify } from 'yaml';
import type { InventoryInstance } from './inventory.js';
import type { Attachment } from './network/addresses.js';

/** Name of a machine's network interface, given by systemd-nspawn. */
export const MACHINE_INTERFACE = 'host0';

/** The three files of cloud-init's NoCloud data source. */
export interface Seed {
  readonly 'user-data': Buffer;
  readonly 'meta-data': string;
  readonly 'network-config': string;
}

/**
 * Renders what cloud-init reads at boot. User data goes in byte for byte (gzip and MIME included), but for an Ignition config: that is gone by with cloud-init's help. Metadata carries the keys of NoCloud and those of
 * the EC2 data source, so that templates like `{{ ds.meta_data.local_hostname }}` render as on AWS.
 */
export function renderSeed(instance: InventoryInstance, userData: Buffer, network: Attachment): Seed {
  const meta = {
    'instance-id': instance.id,
    'local-hostname': instance.privateDnsName,
    instance_id: instance.id,
    local_hostname: instance.privateDnsName,
    hostname: instance.privateDnsName,
    local_ipv4: instance.privateIp,
    'local-ipv4': instance.privateIp,
    public_ipv4: instance.publicIp,
    ami_id: instance.imageId,
    instance_type: instance.instanceType,
    availability_zone: instance.availabilityZone,
    'availability-zone': instance.availabilityZone,
    region: instance.region,
    placement: {
      'availability-zone': instance.availabilityZone,
      availability_zone: instance.availabilityZone,
      region: instance.region,
    },
  };
  return {
    'user-data': isIgnition(userData) ? ignitionBy(userData) : userData,
    'meta-data': stringify(meta),
    'network-config': stringify({
      version: 2,
      ethernets: {
        // cloud-init's networkd renderer of Debian 12 ignores match.name: the key is the interface.
        [MACHINE_INTERFACE]: {
          dhcp4: false,
          addresses: [network.address],
          gateway4: network.gateway,
          nameservers: { addresses: [network.nameserver], search: [searchDomain(instance)] },
        },
      },
    }),
  };
}

const IGNITION_FILE = '/run/perdure/ignition.json';

function isIgnition(userData: Buffer): boolean {
  if (userData[0] !== '{'.charCodeAt(0)) return false;
  try {
    return typeof JSON.parse(userData.toString()).ignition === 'object';
  } catch {
    return false;
  }
}

/** Flatcar has Ignition in its initramfs; here cloud-init starts a program that goes by the config. */
function ignitionBy(config: Buffer): Buffer {
  const file = { path: IGNITION_FILE, permissions: '0600', encoding: 'b64', content: config.toString('base64') };
  return Buffer.from(
    `#cloud-config\n${stringify({ write_files: [file], runcmd: [['/usr/local/bin/perdure-ignition', IGNITION_FILE]] })}`,
  );
}

/** `/etc/resolv.conf` of a machine. */
export function renderResolvConf(instance: InventoryInstance, network: Attachment): string {
  return `nameserver ${network.nameserver}\nsearch ${searchDomain(instance)}\noptions timeout:2 attempts:2\n`;
}

function searchDomain(instance: InventoryInstance): string {
  const domain = instance.privateDnsName.split('.').slice(1).join('.');
  return domain || `${instance.region}.compute.internal`;
}
