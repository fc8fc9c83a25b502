import type { KubeadmConfigSpec } from '../../api/types/index.js';
import type { BootstrapUser } from './cloud-config.js';
import { compact, type Plain } from './kubeadm-parts.js';

type DiskSetup = KubeadmConfigSpec['diskSetup'];

/** Types as sfdisk knows them; ids and GUIDs pass through. Numbers are numbers: cloud-init's schema wants them so. */
const PARTITION_TYPES: Readonly<Record<string, string | number>> = {
  Linux: 83,
  LinuxSwap: 82,
  LinuxRAID: 'fd',
  LVM: '8e',
  Fat32: '0c',
  NTFS: '07',
  LinuxExtended: 85,
};

/** cloud-init's `ntp`; `enabled: false` is written. */
export function ntpOf(ntp: KubeadmConfigSpec['ntp']): Plain | undefined {
  return ntp && compact({ enabled: ntp.enabled, servers: ntp.servers });
}

/** One entry of cloud-init's `users`. */
export function userOf(user: BootstrapUser): Plain {
  return {
    name: user.name,
    ...compact({
      passwd: user.passwd,
      gecos: user.gecos,
      groups: user.groups,
      homedir: user.homeDir,
      inactive: user.inactive,
      lock_passwd: user.lockPassword,
      shell: user.shell,
      primary_group: user.primaryGroup,
      sudo: user.sudo,
      ssh_authorized_keys: user.sshAuthorizedKeys,
    }),
  };
}

/** cloud-init's `disk_setup`, keyed by device. */
export function diskSetupOf(setup: DiskSetup): Plain | undefined {
  const partitions = setup?.partitions ?? [];
  if (partitions.length === 0) return undefined;
  return Object.fromEntries(
    partitions.map((p) => [
      p.device,
      {
        ...compact({ table_type: p.tableType }),
        layout: p.diskLayout?.map(layoutOf) ?? p.layout ?? false,
        ...compact({ overwrite: p.overwrite }),
      },
    ]),
  );
}

function layoutOf(part: { percentage: number; partitionType?: string }): unknown {
  if (!part.partitionType) return part.percentage;
  return [part.percentage, PARTITION_TYPES[part.partitionType] ?? part.partitionType];
}

/** cloud-init's `fs_setup`. */
export function filesystemSetupOf(setup: DiskSetup): Plain[] | undefined {
  return setup?.filesystems?.map((f) => ({
    ...compact({ label: f.label }),
    filesystem: f.filesystem,
    device: f.device,
    ...compact({
      // A number is a partition number, the rest are words.
      partition: /^\d+$/.test(f.partition ?? '') ? Number(f.partition) : f.partition,
      overwrite: f.overwrite,
      replace_fs: f.replaceFS,
      extra_opts: f.extraOpts,
    }),
  }));
}

/** cloud-init's `mounts`: lists of fstab fields. */
export function mountsOf(mounts: KubeadmConfigSpec['mounts']): string[][] | undefined {
  return mounts?.map((fields) => [...fields]);
}
