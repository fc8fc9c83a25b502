import type { KubeadmConfigSpec } from '../../api/types/index.js';
import { PerdureError } from '../errors.js';
import type { BootstrapFile, BootstrapInput, BootstrapUser } from './cloud-config.js';
import { SENTINEL_FILE } from './cloud-config.js';
import { type Config, mergeConfigs, readContainerLinuxConfig } from './container-linux-config.js';
import { compact } from './kubeadm-parts.js';

/** The version that Flatcar of any age and Ignition 3's forerunners read; what upstream renders. */
const VERSION = '2.3.0';
/** Names that upstream's templates count on in their commands. */
const CONFIG_FILE = '/etc/kubeadm.yml';
const SCRIPT_FILE = '/etc/kubeadm.sh';

export interface IgnitionInput extends BootstrapInput {
  /** `KubeadmConfig namespace/name`, for messages. */
  readonly what: string;
  readonly spec: BootstrapInput['spec'] & Pick<KubeadmConfigSpec, 'ignition'>;
}

/**
 * Ignition config that turns a fresh machine into a node: files, users, disks, and a unit that runs kubeadm once. Deterministic. Throws `InvalidConfiguration` naming
 * the field for what Ignition cannot do, and for additional configuration that cannot be read. Source: capi bootstrap/kubeadm/pkg/ignition.
 */
export function renderIgnition(input: IgnitionInput): string {
  const { spec, what } = input;
  const config: Config = compact({
    ignition: { version: VERSION },
    passwd: input.users.length > 0 ? { users: input.users.map(userOf) } : undefined,
    storage: compact({
      disks: disksOf(spec.diskSetup, what),
      filesystems: filesystemsOf(spec.diskSetup),
      files: [
        ...input.users.flatMap(sudoersOf),
        ...input.files.map((file) => fileOf(file, what)),
        { ...root(SCRIPT_FILE, 0o700), contents: text(script(input)) },
        { ...root(CONFIG_FILE, 0o600), contents: text(kubeadmConfig(input)) },
        ...ntpFiles(spec.ntp),
      ],
    }),
    systemd: {
      units: [
        { name: 'kubeadm.service', enabled: true, contents: UNIT },
        ...(spec.ntp ? [{ name: 'systemd-timesyncd.service', enabled: spec.ntp.enabled ?? true }] : []),
        ...(spec.mounts ?? []).map(mountOf),
      ],
    },
  });
  const { additionalConfig, strict = false } = spec.ignition?.containerLinuxConfig ?? {};
  if (!additionalConfig) return JSON.stringify(config);
  return JSON.stringify(mergeConfigs(config, readContainerLinuxConfig(additionalConfig, { strict, what })));
}

const UNIT = `[Unit]
Description=kubeadm
ConditionPathExists=${CONFIG_FILE}
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash ${SCRIPT_FILE}

[Install]
WantedBy=multi-user.target
`;

/** Runs once: afterwards the configuration, which the unit waits for, is out of the way. */
function script({ kubeadm, spec }: IgnitionInput): string {
  const verbosity = spec.verbosity === undefined ? '' : ` --v ${spec.verbosity}`;
  return [
    '#!/bin/bash',
    'set -e',
    ...(spec.preKubeadmCommands ?? []),
    '',
    `kubeadm ${kubeadm.command} --config ${CONFIG_FILE}${verbosity}`,
    `mkdir -p ${SENTINEL_FILE.replace(/\/[^/]*$/, '')} && echo success > ${SENTINEL_FILE}`,
    `mv ${CONFIG_FILE} /tmp/`,
    '',
    ...(spec.postKubeadmCommands ?? []),
    '',
  ].join('\n');
}

function kubeadmConfig({ kubeadm }: IgnitionInput): string {
  return kubeadm.command === 'init'
    ? `---\n${kubeadm.clusterConfiguration}---\n${kubeadm.initConfiguration}`
    : `---\n${kubeadm.joinConfiguration}`;
}

const root = (path: string, mode: number): Config => ({ filesystem: 'root', path, mode });
const text = (content: string): Config => ({ source: `data:;base64,${Buffer.from(content).toString('base64')}` });

function userOf(user: BootstrapUser): Config {
  return {
    name: user.name,
    ...compact({
      passwordHash: user.passwd,
      gecos: user.gecos,
      groups: user.groups?.split(',').map((group) => group.trim()),
      homeDir: user.homeDir,
      shell: user.shell,
      primaryGroup: user.primaryGroup,
      sshAuthorizedKeys: user.sshAuthorizedKeys,
    }),
  };
}

function sudoersOf({ name, sudo }: BootstrapUser): Config[] {
  return sudo ? [{ ...root(`/etc/sudoers.d/${name}`, 0o600), contents: text(`${name} ${sudo}\n`) }] : [];
}

function fileOf({ path, content, owner, permissions, encoding, append }: BootstrapFile, what: string): Config {
  if (encoding !== undefined && encoding !== 'base64') {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: spec.files (${path}): encoding ${encoding} is not possible with format ignition; use base64 or none`,
      { details: { field: 'spec.files[].encoding', value: encoding } },
    );
  }
  const [user, group = user] = (owner ?? '').split(':');
  return {
    ...root(path, Number.parseInt(permissions || '0644', 8)),
    ...(user ? { user: { name: user } } : {}),
    ...(group ? { group: { name: group } } : {}),
    ...(append ? { append: true } : {}),
    contents: encoding === 'base64' ? { source: `data:;base64,${content}` } : text(content),
  };
}

function ntpFiles(ntp: KubeadmConfigSpec['ntp']): Config[] {
  if (!ntp?.servers?.length) return [];
  const contents = text(`[Time]\nNTP=${ntp.servers.join(' ')}\n`);
  return [{ ...root('/etc/systemd/timesyncd.conf.d/10-cluster-api.conf', 0o644), contents }];
}

type DiskSetup = KubeadmConfigSpec['diskSetup'];

/** A disk with one partition, or none: Ignition knows no shares of a disk. */
function disksOf(setup: DiskSetup, what: string): Config[] | undefined {
  return setup?.partitions?.map(({ device, overwrite, layout, diskLayout }, index) => {
    if (diskLayout) {
      const field = `spec.diskSetup.partitions[${index}].diskLayout`;
      throw new PerdureError(
        'InvalidConfiguration',
        `${what}: ${field} is not possible with format ignition; use layout`,
        {
          details: { field },
        },
      );
    }
    return { device, ...(overwrite ? { wipeTable: true } : {}), ...(layout ? { partitions: [{ number: 1 }] } : {}) };
  });
}

function filesystemsOf(setup: DiskSetup): Config[] | undefined {
  return setup?.filesystems?.map(({ label, filesystem, device, overwrite, extraOpts }) => ({
    name: label || device,
    mount: {
      device,
      format: filesystem,
      ...(label ? { label } : {}),
      ...(overwrite ? { wipeFilesystem: true } : {}),
      ...(extraOpts ? { options: extraOpts } : {}),
    },
  }));
}

/** Fields of fstab as a mount unit. */
function mountOf(fields: readonly string[]): Config {
  const [device = '', point = '', type = 'auto', options = ''] = fields;
  const label = /^LABEL=(.*)$/.exec(device)?.[1];
  const lines = [
    '[Unit]',
    'Before=local-fs.target kubeadm.service',
    '',
    '[Mount]',
    `What=${label ? `/dev/disk/by-label/${label}` : device}`,
    `Where=${point}`,
    ...(type === 'auto' ? [] : [`Type=${type}`]),
    ...(options === '' || options === 'defaults' ? [] : [`Options=${options}`]),
    '',
    '[Install]',
    'RequiredBy=local-fs.target',
    '',
  ];
  return { name: `${escapePath(point)}.mount`, enabled: true, contents: lines.join('\n') };
}

/** The name of a path's unit. Source: systemd.unit(5). */
function escapePath(path: string): string {
  const bare = path.replaceAll(/\/+/g, '/').replace(/^\/|\/$/g, '');
  if (bare === '') return '-';
  return [...Buffer.from(bare)]
    .map((byte, index) => {
      const char = String.fromCharCode(byte);
      if (char === '/') return '-';
      return /[A-Za-z0-9:_]/.test(char) || (char === '.' && index > 0)
        ? char
        : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
