import type { KubeadmConfigSpec, KubeadmFile, KubeadmUser } from '../../api/types/index.js';
import { diskSetupOf, filesystemSetupOf, mountsOf, ntpOf, userOf } from './cloud-config-host.js';
import { compact, type Plain } from './kubeadm-parts.js';
import { toYaml } from './yaml.js';

/** A file with its content at hand: what `contentFrom` and templates have become. */
export interface BootstrapFile {
  readonly path: string;
  readonly content: string;
  readonly owner?: string | undefined;
  readonly permissions?: string | undefined;
  readonly encoding?: KubeadmFile['encoding'];
  readonly append?: boolean | undefined;
}

/** A user with its password at hand. */
export type BootstrapUser = Omit<KubeadmUser, 'passwdFrom'>;

/** What kubeadm is to do, with its configuration as YAML. */
export type KubeadmStep =
  | { readonly command: 'init'; readonly clusterConfiguration: string; readonly initConfiguration: string }
  | { readonly command: 'join'; readonly joinConfiguration: string };

export interface BootstrapInput {
  readonly kubeadm: KubeadmStep;
  /** Certificates first: upstream writes them before the user's files, which may replace them. */
  readonly files: readonly BootstrapFile[];
  readonly users: readonly BootstrapUser[];
  readonly spec: Pick<
    KubeadmConfigSpec,
    'bootCommands' | 'preKubeadmCommands' | 'postKubeadmCommands' | 'ntp' | 'diskSetup' | 'mounts' | 'verbosity'
  >;
}

/** Written when kubeadm succeeded; infrastructure providers may watch for it. */
export const SENTINEL_FILE = '/run/cluster-api/bootstrap-success.complete';
export const INIT_CONFIG_FILE = '/run/kubeadm/kubeadm.yaml';
export const JOIN_CONFIG_FILE = '/run/kubeadm/kubeadm-join-config.yaml';

const HEADER = '## template: jinja\n#cloud-config\n\n';
const PLACEHOLDER =
  'This placeholder file is used to create the /run/cluster-api sub directory in a way that is compatible with both Linux and Windows (mkdir -p /run/cluster-api does not work with Windows)';
const ROOT = { owner: 'root:root', permissions: '0640' } as const;

/**
 * cloud-init user data that turns a fresh machine into a node. Deterministic. The file begins with the Jinja marker, so that users' files and
 * commands may use cloud-init's instance data. Source: capi bootstrap/kubeadm/pkg/cloudinit.
 */
export function renderCloudConfig(input: BootstrapInput): string {
  const { spec } = input;
  const config = compact({
    write_files: [...input.files.map(fileOf), ...kubeadmFiles(input.kubeadm)],
    bootcmd: spec.bootCommands,
    runcmd: [...(spec.preKubeadmCommands ?? []), kubeadmCommand(input), ...(spec.postKubeadmCommands ?? [])],
    ntp: ntpOf(spec.ntp),
    users: input.users.map(userOf),
    disk_setup: diskSetupOf(spec.diskSetup),
    fs_setup: filesystemSetupOf(spec.diskSetup),
    mounts: mountsOf(spec.mounts),
  });
  return HEADER + toYaml(config);
}

function kubeadmCommand({ kubeadm, spec }: BootstrapInput): string {
  const file = kubeadm.command === 'init' ? INIT_CONFIG_FILE : JOIN_CONFIG_FILE;
  const verbosity = spec.verbosity === undefined ? '' : ` --v ${spec.verbosity}`;
  return `kubeadm ${kubeadm.command} --config ${file}${verbosity} && echo success > ${SENTINEL_FILE}`;
}

function kubeadmFiles(kubeadm: KubeadmStep): Plain[] {
  const config =
    kubeadm.command === 'init'
      ? { path: INIT_CONFIG_FILE, content: `---\n${kubeadm.clusterConfiguration}---\n${kubeadm.initConfiguration}` }
      : { path: JOIN_CONFIG_FILE, content: `---\n${kubeadm.joinConfiguration}` };
  const placeholder = { path: '/run/cluster-api/placeholder', content: PLACEHOLDER };
  return [config, placeholder].map(({ path, content }) => ({ path, ...ROOT, content }));
}

function fileOf(file: BootstrapFile): Plain {
  return {
    path: file.path,
    ...compact({
      encoding: file.encoding,
      owner: file.owner,
      permissions: file.permissions,
      append: file.append || undefined,
    }),
    content: endedContent(file),
  };
}

/** Text ends with a newline, as upstream's block scalars make it: appending to a file relies on it. */
function endedContent({ content, encoding }: BootstrapFile): string {
  return encoding !== undefined || content === '' || content.endsWith('\n') ? content : `${content}\n`;
}
