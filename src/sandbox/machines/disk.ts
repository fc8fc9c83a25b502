import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProgramLinks } from '../tools/index.js';
import { machineId } from './ids.js';
import type { InventoryInstance } from './inventory.js';
import type { Attachment } from './network/addresses.js';
import { EMULATOR_NAME } from './network/addresses.js';
import type { MachinePaths } from './paths.js';
import { run } from './processes.js';
import { MACHINE_INTERFACE, renderResolvConf, type Seed } from './seed.js';

const SEED_DIR = 'var/lib/cloud/seed/nocloud';
const CONTAINERD_DIR = 'var/lib/containerd';
/** Files containerd changes in place; everything else below its directory is written once and may be shared by hard links. */
const CONTAINERD_DATABASES = [
  'io.containerd.metadata.v1.bolt/meta.db',
  'io.containerd.snapshotter.v1.overlayfs/metadata.db',
];
const ASSETS = join(dirname(fileURLToPath(import.meta.url)), 'overlay');

/** What goes on a machine's disk on top of the shared tree. */
export interface DiskContent {
  readonly instance: InventoryInstance;
  readonly seed: Seed;
  readonly network: Attachment;
  readonly podCidr: string;
  /** Version of kubelet and kubeadm, one of the tree's. */
  readonly kubernetesVersion: string;
}

/** Makes a new machine's disk: an upper layer with what is particular to it, and containerd's store with the tree's preloaded images. */
export async function createDisk(paths: MachinePaths, tree: string, content: DiskContent): Promise<void> {
  for (const dir of [paths.upper, paths.work, paths.root, paths.kubelet])
    mkdirSync(dir, { recursive: true, mode: 0o755 });
  await createContainerdStore(tree, paths.containerd);
  for (const [path, file] of Object.entries(diskFiles(content))) writeInto(paths.upper, path, file.content, file.mode);
  for (const [path, target] of Object.entries(nodeProgramLinks(content.kubernetesVersion))) {
    mkdirSync(dirname(join(paths.upper, path)), { recursive: true, mode: 0o755 });
    symlinkSync(target, join(paths.upper, path));
  }
}

/** What has to be new at every boot of a kept disk. */
export function refreshDisk(paths: MachinePaths, content: DiskContent): void {
  writeInto(paths.upper, 'etc/resolv.conf', renderResolvConf(content.instance, content.network), 0o644);
}

interface DiskFile {
  readonly content: string | Buffer;
  readonly mode: number;
}

/** Path → file of a machine's upper layer. */
export function diskFiles({ instance, seed, network, podCidr }: DiskContent): Record<string, DiskFile> {
  return {
    [`${SEED_DIR}/user-data`]: { content: seed['user-data'], mode: 0o600 },
    [`${SEED_DIR}/meta-data`]: { content: seed['meta-data'], mode: 0o644 },
    [`${SEED_DIR}/network-config`]: { content: seed['network-config'], mode: 0o644 },
    'etc/resolv.conf': { content: renderResolvConf(instance, network), mode: 0o644 },
    'etc/hostname': { content: `${instance.privateDnsName.split('.')[0] || instance.id}\n`, mode: 0o644 },
    'etc/machine-id': { content: `${machineId(instance.id)}\n`, mode: 0o444 },
    // No router answers here: without this the machine waits 12 s for one, and more for its link-local address.
    [`etc/systemd/network/10-cloud-init-${MACHINE_INTERFACE}.network.d/10-no-ipv6.conf`]: {
      content: '[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
      mode: 0o644,
    },
    'etc/perdure/pod-cidr': { content: `${podCidr}\n`, mode: 0o644 },
    'etc/perdure/aws-endpoint': { content: `http://${EMULATOR_NAME}\n`, mode: 0o644 },
    'usr/local/bin/perdure-ignition': { content: readFileSync(join(ASSETS, 'ignition.py')), mode: 0o755 },
    'usr/local/bin/envsubst': { content: readFileSync(join(ASSETS, 'envsubst.py')), mode: 0o755 },
    'usr/local/bin/aws': { content: readFileSync(join(ASSETS, 'aws.py')), mode: 0o755 },
  };
}

function writeInto(upper: string, path: string, content: string | Buffer, mode: number): void {
  const target = join(upper, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  writeFileSync(target, content, { mode });
  chmodSync(target, mode);
}

/** Hard links where the tree is on the same file system, copies elsewhere. An unfinished one from before is replaced. */
async function createContainerdStore(tree: string, target: string): Promise<void> {
  await run('rm', ['-rf', '--one-file-system', target]);
  const source = join(tree, CONTAINERD_DIR);
  if (!existsSync(source)) {
    mkdirSync(target, { mode: 0o711 });
    return;
  }
  try {
    await run('cp', ['-al', source, target]);
  } catch {
    await run('rm', ['-rf', '--one-file-system', target]);
    await run('cp', ['-a', '--reflink=auto', source, target]);
    return;
  }
  for (const database of CONTAINERD_DATABASES) {
    if (!existsSync(join(source, database))) continue;
    await run('rm', ['-f', join(target, database)]);
    copyFileSync(join(source, database), join(target, database));
  }
}
