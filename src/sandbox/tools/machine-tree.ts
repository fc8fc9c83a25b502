import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerdureError } from '../../domain/errors.js';
import { addPart, cacheKey, hostTarget } from './cache-key.js';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS, type KubernetesVersion, type ToolName, toolSpec } from './catalog.js';
import { type ToolContext, withProgress } from './context.js';
import { writeDockerArchive } from './docker-archive.js';
import { ensureTools } from './ensure.js';
import { ensureHostPackages, hostPackages } from './host-packages.js';
import { imageRefs, machineImages, PAUSE_IMAGE, SHARED_IMAGE_TOOLS, VERSIONED_IMAGES } from './images.js';
import { withLock } from './lock.js';
import { NODE_PROGRAMS, nodeProgramLinks, nodeProgramsDir } from './node-programs.js';
import { run } from './run.js';

const ASSETS = fileURLToPath(new URL('../machine-tree', import.meta.url));
const SUITE = 'bookworm';

const PACKAGES = [
  'ca-certificates',
  'cloud-init',
  'conntrack',
  'containerd',
  'curl',
  'dbus',
  'e2fsprogs',
  'ebtables',
  'ethtool',
  'fdisk',
  'gdisk',
  'iproute2',
  'iptables',
  'iputils-ping',
  'kmod',
  'libnss-myhostname',
  'mount',
  'netbase',
  'nftables',
  'procps',
  'python3-yaml',
  'runc',
  'socat',
  'systemd',
  'systemd-sysv',
  'systemd-timesyncd',
  'udev',
  'util-linux',
];

/** Never read on a machine, and a tenth of the tree's size. */
const LEFT_OUT = ['/usr/share/doc/*', '/usr/share/info/*', '/usr/share/locale/*', '/usr/share/man/*'];

const ENABLED: Readonly<Record<string, string>> = {
  'sysinit.target.wants/machine-fixups.service': '/etc/systemd/system/machine-fixups.service',
  'multi-user.target.wants/kubelet.service': '/etc/systemd/system/kubelet.service',
  'multi-user.target.wants/systemd-networkd.service': '/lib/systemd/system/systemd-networkd.service',
  'network-online.target.wants/systemd-networkd-wait-online.service':
    '/lib/systemd/system/systemd-networkd-wait-online.service',
};

/** Housekeeping of long-lived hosts, consoles nobody types on, and device management that belongs to the host. */
const MASKED = [
  'apt-daily-upgrade.timer',
  'apt-daily.timer',
  'cloud-init-hotplugd.socket',
  'console-getty.service',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'getty@.service',
  'systemd-pstore.service',
];

/** Where each program goes that all machines have. */
const PROGRAMS = {
  kubectl: 'usr/bin/kubectl',
  bridge: 'opt/cni/bin/bridge',
  'host-local': 'opt/cni/bin/host-local',
  loopback: 'opt/cni/bin/loopback',
  portmap: 'opt/cni/bin/portmap',
} as const satisfies Partial<Record<ToolName, string>>;

const SHARED_TOOLS = [...(Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]), ...SHARED_IMAGE_TOOLS];
const VERSIONED_TOOLS = [...NODE_PROGRAMS, ...VERSIONED_IMAGES] as const;

interface TreePrograms {
  readonly shared: Readonly<Record<(typeof SHARED_TOOLS)[number], string>>;
  readonly versions: Readonly<Record<KubernetesVersion, Readonly<Record<(typeof VERSIONED_TOOLS)[number], string>>>>;
}

/**
 * Absolute path of the root tree that every machine is laid over: Debian with systemd, cloud-init and containerd, with kubelet and
 * kubeadm of every Kubernetes version side by side, and with all their images loaded. Built once into the cache (some minutes; needs root), shared by all sandboxes, never written to afterwards.
 * Safe to call from several processes and to be killed. Fails with `InvalidConfiguration` without root or without the needed system packages.
 */
export async function ensureMachineTree(ctx: ToolContext): Promise<string> {
  const trees = join(ctx.cacheDir, 'machine-trees');
  const tree = join(trees, await treeKey());
  if (await exists(tree)) return tree;
  if (process.getuid?.() !== 0) {
    throw new PerdureError(
      'InvalidConfiguration',
      'cannot make the root tree of machines as an ordinary user; run as root once, or use machines of another kind',
    );
  }
  await ensureHostPackages(
    ctx,
    hostPackages.filter(({ program }) => ['mmdebstrap', 'setpriv', 'unshare'].includes(program)),
  );
  const tools = await treePrograms(ctx);
  await mkdir(trees, { recursive: true });
  await withLock(
    `${tree}.lock`,
    async () => {
      if (!(await exists(tree))) await build(tree, tools, ctx);
    },
    {
      signal: ctx.signal,
      onWait: ({ pid }) => ctx.progress?.(`machine tree: waiting for process ${pid}, which builds it already`),
    },
  );
  return tree;
}

/** Name of the tree's cache directory: a digest of everything that goes into it. */
async function treeKey(): Promise<string> {
  const hash = createHash('sha256');
  const target = hostTarget();
  addPart(hash, 'recipe', JSON.stringify([SUITE, PACKAGES, LEFT_OUT, ENABLED, MASKED, PROGRAMS]));
  for (const name of SHARED_TOOLS) addPart(hash, name, await cacheKey(toolSpec(name), target));
  for (const version of KUBERNETES_VERSIONS) {
    addPart(hash, version, JSON.stringify([imageRefs(version), nodeProgramsDir(version)]));
    for (const name of VERSIONED_TOOLS) addPart(hash, name, await cacheKey(toolSpec(name, version), target));
  }
  for (const file of await filesBelow(ASSETS)) addPart(hash, relative(ASSETS, file), await readFile(file));
  return `${SUITE}-${target.goarch}-${hash.digest('hex').slice(0, 12)}`;
}

async function treePrograms(ctx: ToolContext): Promise<TreePrograms> {
  const options = { allowPath: false };
  const shared = await ensureTools(SHARED_TOOLS, ctx, options);
  const versions: Partial<Record<KubernetesVersion, TreePrograms['versions'][KubernetesVersion]>> = {};
  for (const kubernetes of KUBERNETES_VERSIONS)
    versions[kubernetes] = await ensureTools(VERSIONED_TOOLS, ctx, { ...options, kubernetes });
  return { shared, versions: versions as TreePrograms['versions'] };
}

async function build(tree: string, tools: TreePrograms, ctx: ToolContext): Promise<void> {
  const draft = `${tree}.building`;
  const archive = `${draft}.images.tar`;
  await remove(draft, ctx);
  await withProgress(ctx, `machine tree: installing Debian ${SUITE} (1 to 3 min)`, () => installDebian(draft, ctx));
  await configure(draft, tools);
  await withProgress(ctx, 'machine tree: loading container images', async () => {
    await writeDockerArchive(archive, await machineImages(tools, draft, ctx), hostTarget().goarch);
    try {
      await isolated(['sh', join(ASSETS, 'import-images.sh'), draft, archive], ctx);
    } finally {
      await rm(archive, { force: true });
    }
  });
  await rename(draft, tree);
}

async function installDebian(tree: string, ctx: ToolContext): Promise<void> {
  await isolated(
    [
      'nice',
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      '--format=directory',
      `--include=${PACKAGES.join(',')}`,
      ...LEFT_OUT.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      SUITE,
      tree,
    ],
    ctx,
  );
}

/**
 * Runs a command whose mounts nobody else sees and whose processes all end with it, and with this process even when that is killed: nothing may
 * still hold or write a tree that the next attempt removes.
 */
async function isolated(command: readonly string[], ctx: ToolContext): Promise<void> {
  const unshare = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--mount-proc',
    '--kill-child=KILL',
  ];
  await run('setpriv', ['--pdeathsig', 'KILL', ...unshare, ...command], { env: ctx.env, signal: ctx.signal });
}

async function configure(tree: string, { shared, versions }: TreePrograms): Promise<void> {
  await copyAssets(join(ASSETS, 'rootfs'), tree);
  for (const [name, path] of Object.entries(PROGRAMS))
    await install(shared[name as keyof typeof PROGRAMS], join(tree, path), 0o755);
  for (const version of KUBERNETES_VERSIONS)
    for (const name of NODE_PROGRAMS)
      await install(versions[version][name], join(tree, nodeProgramsDir(version), name), 0o755);
  for (const [path, target] of Object.entries(nodeProgramLinks(KUBERNETES_VERSION)))
    await link(target, join(tree, path));
  const units = join(tree, 'etc/systemd/system');
  for (const [name, target] of Object.entries(ENABLED)) await link(target, join(units, name));
  for (const name of MASKED) await link('/dev/null', join(units, name));
  // Each machine gets its own: systemd makes one up where the file is empty.
  await writeFile(join(tree, 'etc/machine-id'), '');
  for (const file of ['etc/hostname', 'etc/resolv.conf']) await rm(join(tree, file), { force: true });
  for (const dir of ['etc/kubernetes/manifests', 'etc/cni/net.d', 'etc/perdure', 'var/lib/kubelet']) {
    await mkdir(join(tree, dir), { recursive: true });
  }
}

async function copyAssets(from: string, tree: string): Promise<void> {
  for (const source of await filesBelow(from)) {
    const path = relative(from, source);
    const target = join(tree, path);
    // Copies of a checkout do not keep modes reliably.
    await install(source, target, /(^|\/)s?bin\//.test(path) ? 0o755 : 0o644);
    const text = await readFile(target, 'utf8');
    if (text.includes('@PAUSE_IMAGE@')) await writeFile(target, text.replaceAll('@PAUSE_IMAGE@', PAUSE_IMAGE));
  }
}

async function install(source: string, target: string, mode: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, mode);
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink(target, path);
}

/** Like rm -rf, but never into something mounted below. */
async function remove(path: string, ctx: ToolContext): Promise<void> {
  await run('rm', ['-rf', '--one-file-system', path], { env: ctx.env, signal: ctx.signal });
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
