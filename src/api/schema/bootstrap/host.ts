import { atomicList, block, bounded, flag, int32, list, obj, oneOf } from '../lib.js';
import { path } from './cluster-configuration.js';

/** What the bootstrap data does on the host besides kubeadm. Source: cluster-api api/bootstrap/kubeadm/v1beta2/kubeadmconfig_types.go. */

const FILE_ENCODINGS = ['base64', 'gzip', 'gzip+base64'] as const;
const GUID_OR_NAME =
  "self.matches('^(Linux|LinuxSwap|LinuxRAID|LVM|Fat32|NTFS|LinuxExtended|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$')";

function secretSource(what: string) {
  return obj(`Where ${what} comes from.`, {
    secret: obj('A Secret in the same namespace.', {
      name: bounded('Name of the Secret.', 253),
      key: bounded('Key in the Secret.', 256),
    }),
  });
}

export function files() {
  const file = obj(
    'A file on the host.',
    { path: path('Path of the file; unique.') },
    {
      append: flag('Appends to the file when it exists.'),
      content: bounded('Content; excludes contentFrom.', 10_240),
      contentFormat: oneOf(
        'Template evaluates the content as a Go template that knows {{ .controlPlane.version }}; default Raw.',
        ['Raw', 'Template'],
      ),
      contentFrom: secretSource('the content'),
      encoding: oneOf('Encoding of the content; default plain text.', FILE_ENCODINGS),
      owner: bounded('Owner and group, e.g. root:root.', 256),
      permissions: bounded('Permissions, e.g. 0640.', 16),
    },
  );
  return atomicList('Files to write before kubeadm runs.', file, { minItems: 1, maxItems: 200 });
}

export function users() {
  const word = (description: string) => bounded(description, 256);
  const user = obj(
    'A user of the host.',
    { name: word('Login name.') },
    {
      gecos: word('Full name.'),
      groups: word('Further groups, separated by commas.'),
      homeDir: word('Home directory.'),
      inactive: flag('Makes the user inactive.'),
      lockPassword: flag('Locks the password login.'),
      passwd: word('Hashed password; excludes passwdFrom.'),
      passwdFrom: secretSource('the hashed password'),
      primaryGroup: word('Primary group.'),
      shell: word('Login shell.'),
      sshAuthorizedKeys: atomicList('SSH keys that may log in.', bounded('A public key.', 2048), { maxItems: 100 }),
      sudo: word('Rule for sudo.'),
    },
  );
  return atomicList('Users to create.', user, { minItems: 1, maxItems: 100 });
}

export function ntp() {
  return block('Time servers.', {
    enabled: flag('Whether NTP is on.'),
    servers: atomicList('Servers to use.', path('Name or address of a server.'), { maxItems: 100 }),
  });
}

export function diskPartition() {
  return obj(
    'One partition.',
    { percentage: int32('Share of the disk, per cent.', { minimum: 1, maximum: 100 }) },
    {
      partitionType: bounded('Type of the partition; default Linux.', 36, {
        rules: [
          {
            message:
              'partitionType must be one of Linux, LinuxSwap, LinuxRAID, LVM, Fat32, NTFS, LinuxExtended or a full GPT partition GUID',
            rule: GUID_OR_NAME,
          },
        ],
      }),
    },
  );
}

/** Fields of a partition table that are the same in every version. */
export function partitionFields() {
  return {
    overwrite: flag('Replaces an existing partition table; may destroy data.'),
    tableType: oneOf('Type of the table; default mbr.', ['mbr', 'gpt']),
  };
}

function partitions() {
  const disk = obj(
    'Partition table of one device.',
    { device: bounded('Name of the device.', 256) },
    {
      ...partitionFields(),
      diskLayout: atomicList('The partitions; excludes layout.', diskPartition(), { minItems: 1, maxItems: 100 }),
      layout: flag('True makes one partition of the whole device, false none; excludes diskLayout.'),
    },
    {
      rules: [
        {
          message: 'exactly one of the fields in [layout diskLayout] must be set',
          rule: '[has(self.layout),has(self.diskLayout)].filter(x,x==true).size() == 1',
        },
      ],
    },
  );
  return atomicList('Devices to partition.', disk, { maxItems: 100 });
}

export function filesystems() {
  const filesystem = obj(
    'A file system.',
    { device: bounded('Name of the device.', 256), filesystem: bounded('Type, e.g. ext4.', 128) },
    {
      extraOpts: atomicList('Further options of mkfs.', bounded('An option.', 256), { maxItems: 100 }),
      label: path('Label.'),
      overwrite: flag('Replaces an existing file system; may destroy data.'),
      partition: bounded('Partition: auto, any, none or a number.', 128),
      replaceFS: bounded('Replaces a file system of this type only.', 128),
    },
  );
  return atomicList('File systems to make.', filesystem, { maxItems: 100 });
}

export function diskSetup() {
  return block('Partitions and file systems.', { filesystems: filesystems(), partitions: partitions() });
}

export function mounts() {
  const mount = list('Fields of a line of fstab.', path('A field.'), { minItems: 1, maxItems: 100 });
  return atomicList('Mounts.', mount, { minItems: 1, maxItems: 100 });
}

export function commands(description: string) {
  return atomicList(description, bounded('A shell command.', 10_240), { minItems: 1, maxItems: 1000 });
}

export function ignition() {
  return block('Settings of Ignition; only with format ignition.', {
    containerLinuxConfig: block('Further configuration in the Container Linux format.', {
      additionalConfig: bounded('Configuration that is merged into the generated one.', 32_768),
      strict: flag('Treats warnings of the configuration as errors.'),
    }),
  });
}
