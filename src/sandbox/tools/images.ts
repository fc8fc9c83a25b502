import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { KUBERNETES_VERSION, type ToolName } from './catalog.js';
import type { ToolContext } from './context.js';
import type { ImageFile, ImageSpec } from './docker-archive.js';
import { run } from './run.js';

const REGISTRY = 'registry.k8s.io';

/** Image of the process that holds a pod's namespaces. */
export const PAUSE_IMAGE = `${REGISTRY}/pause:3.10.1`;

/** The images `kubeadm config images list` names for this version, and the program in each. */
export const IMAGE_REFS = {
  'kube-apiserver': `${REGISTRY}/kube-apiserver:${KUBERNETES_VERSION}`,
  'kube-controller-manager': `${REGISTRY}/kube-controller-manager:${KUBERNETES_VERSION}`,
  'kube-scheduler': `${REGISTRY}/kube-scheduler:${KUBERNETES_VERSION}`,
  'kube-proxy': `${REGISTRY}/kube-proxy:${KUBERNETES_VERSION}`,
  coredns: `${REGISTRY}/coredns/coredns:v1.12.1`,
  pause: PAUSE_IMAGE,
  etcd: `${REGISTRY}/etcd:3.6.5-0`,
} as const satisfies Partial<Record<ToolName, string>>;

/** Tools that go into images. */
export const IMAGE_TOOLS = [...(Object.keys(IMAGE_REFS) as (keyof typeof IMAGE_REFS)[]), 'etcdctl'] as const;
export type ImageTool = (typeof IMAGE_TOOLS)[number];

const DIRECTORIES = ['/etc', '/run', '/tmp', '/usr', '/var'];
const ACCOUNTS: readonly ImageFile[] = [
  text('/etc/passwd', 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n'),
  text('/etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  text('/etc/nsswitch.conf', 'hosts: files dns\n'),
];

/** The images of a machine, made of our own builds and, for kube-proxy, of programs out of the root tree `tree`. */
export async function machineImages(
  tools: Readonly<Record<ImageTool, string>>,
  tree: string,
  ctx: ToolContext,
): Promise<ImageSpec[]> {
  const local = (name: ImageTool) => executable(`/usr/local/bin/${name}`, tools[name]);
  const plain = (name: keyof typeof IMAGE_REFS, ...more: ImageFile[]): ImageSpec => ({
    ref: IMAGE_REFS[name],
    directories: DIRECTORIES,
    files: [...ACCOUNTS, local(name), ...more],
  });
  return [
    plain('kube-apiserver'),
    plain('kube-controller-manager'),
    plain('kube-scheduler'),
    plain('etcd', local('etcdctl')),
    {
      ref: IMAGE_REFS.coredns,
      files: [executable('/coredns', tools.coredns)],
      directories: DIRECTORIES,
      entrypoint: ['/coredns'],
    },
    { ref: IMAGE_REFS.pause, files: [executable('/pause', tools.pause)], entrypoint: ['/pause'] },
    await kubeProxyImage(plain('kube-proxy'), tree, ctx),
  ];
}

const PROXY_PROGRAMS = ['/usr/sbin/xtables-nft-multi', '/usr/sbin/nft', '/usr/sbin/conntrack', '/usr/bin/kmod'];
const IPTABLES_NAMES = [
  'iptables',
  'iptables-save',
  'iptables-restore',
  'ip6tables',
  'ip6tables-save',
  'ip6tables-restore',
];
const MERGED_DIRECTORIES = ['bin', 'lib', 'lib64', 'sbin'];

/** kube-proxy calls iptables, nft and conntrack: they come from the tree with their extensions and every library those need. */
async function kubeProxyImage(base: ImageSpec, tree: string, ctx: ToolContext): Promise<ImageSpec> {
  const extensions = await xtablesExtensions(tree);
  const libraries = await sharedLibraries(tree, [...PROXY_PROGRAMS, ...extensions], ctx);
  const copied = [...PROXY_PROGRAMS, ...extensions, ...libraries];
  const files = await Promise.all(copied.map(async (path) => executable(path, await realpath(join(tree, path)))));
  return {
    ...base,
    files: [...base.files, ...files],
    links: [
      ...MERGED_DIRECTORIES.map((name) => ({ path: `/${name}`, target: `usr/${name}` })),
      ...IPTABLES_NAMES.map((name) => ({ path: `/usr/sbin/${name}`, target: 'xtables-nft-multi' })),
      { path: '/usr/sbin/modprobe', target: '../bin/kmod' },
    ],
    directories: [...DIRECTORIES, ...MERGED_DIRECTORIES.map((name) => `/usr/${name}`)],
  };
}

async function xtablesExtensions(tree: string): Promise<string[]> {
  for (const triplet of await readdir(join(tree, 'usr/lib'))) {
    const dir = `/usr/lib/${triplet}/xtables`;
    const names = await readdir(join(tree, dir)).catch(() => []);
    if (names.length > 0) return names.filter((name) => name.endsWith('.so')).map((name) => `${dir}/${name}`);
  }
  return [];
}

/** Libraries as ldd names them, below /usr as in a tree with merged directories. */
async function sharedLibraries(tree: string, programs: readonly string[], ctx: ToolContext): Promise<string[]> {
  const said = await run('chroot', [tree, 'ldd', ...programs], { env: ctx.env, signal: ctx.signal });
  const found = [...said.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
  return [...new Set(found.map((path) => (path.startsWith('/usr/') ? path : `/usr${path}`)))].sort();
}

function executable(path: string, source: string): ImageFile {
  return { path, source, mode: 0o755 };
}

function text(path: string, content: string): ImageFile {
  return { path, content, mode: 0o644 };
}
