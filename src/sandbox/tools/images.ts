import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS, type KubernetesVersion, type ToolName } from './catalog.js';
import type { ToolContext } from './context.js';
import type { ImageFile, ImageSpec } from './docker-archive.js';
import { run } from './run.js';

const REGISTRY = 'registry.k8s.io';

/** Image of the process that holds a pod's namespaces. */
export const PAUSE_IMAGE = `${REGISTRY}/pause:3.10.1`;

/** Programs of Kubernetes that run from an image of their version. */
export const VERSIONED_IMAGES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'] as const;
type VersionedImage = (typeof VERSIONED_IMAGES)[number];
type Image = VersionedImage | 'coredns' | 'pause' | 'etcd';

/** Tags of what a Kubernetes version brings along. */
const COMPANIONS: Readonly<Record<KubernetesVersion, Readonly<Record<Exclude<Image, VersionedImage>, string>>>> = {
  'v1.34.4': { coredns: 'v1.12.1', pause: '3.10.1', etcd: '3.6.5-0' },
  'v1.33.13': { coredns: 'v1.12.0', pause: '3.10', etcd: '3.5.24-0' },
};

/** The images `kubeadm config images list` names for a version, by the program in each. */
export function imageRefs(version: KubernetesVersion): Readonly<Record<Image, string>> {
  const { coredns, pause, etcd } = COMPANIONS[version];
  return {
    'kube-apiserver': `${REGISTRY}/kube-apiserver:${version}`,
    'kube-controller-manager': `${REGISTRY}/kube-controller-manager:${version}`,
    'kube-scheduler': `${REGISTRY}/kube-scheduler:${version}`,
    'kube-proxy': `${REGISTRY}/kube-proxy:${version}`,
    coredns: `${REGISTRY}/coredns/coredns:${coredns}`,
    pause: `${REGISTRY}/pause:${pause}`,
    etcd: `${REGISTRY}/etcd:${etcd}`,
  };
}

/** The images of the default version. */
export const IMAGE_REFS = imageRefs(KUBERNETES_VERSION);

/** Tools in images of every version. */
export const SHARED_IMAGE_TOOLS = ['coredns', 'pause', 'etcd', 'etcdctl'] as const satisfies readonly ToolName[];
type SharedTool = (typeof SHARED_IMAGE_TOOLS)[number];

/** Absolute paths of the programs that go into images. */
export interface ImagePrograms {
  readonly shared: Readonly<Record<SharedTool, string>>;
  readonly versions: Readonly<Record<KubernetesVersion, Readonly<Record<VersionedImage, string>>>>;
}

const DIRECTORIES = ['/etc', '/run', '/tmp', '/usr', '/var'];
const ACCOUNTS: readonly ImageFile[] = [
  text('/etc/passwd', 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n'),
  text('/etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  text('/etc/nsswitch.conf', 'hosts: files dns\n'),
];

/**
 * The images that machines of any version may be asked to run, since nothing can be pulled: those of every version, made of our own builds and, for
 * kube-proxy, of programs out of the root tree `tree`. etcd, CoreDNS and pause are one build each, under the tag of every version.
 */
export async function machineImages(programs: ImagePrograms, tree: string, ctx: ToolContext): Promise<ImageSpec[]> {
  const { shared } = programs;
  const proxy = await kubeProxyFiles(tree, ctx);
  return [
    ...KUBERNETES_VERSIONS.flatMap((version) => versionImages(version, programs.versions[version], proxy)),
    {
      ...named('etcd'),
      directories: DIRECTORIES,
      files: [...ACCOUNTS, local('etcd', shared), local('etcdctl', shared)],
    },
    {
      ...named('coredns'),
      files: [executable('/coredns', shared.coredns)],
      directories: DIRECTORIES,
      entrypoint: ['/coredns'],
    },
    { ...named('pause'), files: [executable('/pause', shared.pause)], entrypoint: ['/pause'] },
  ];
}

/** What all versions call one image. */
function named(image: keyof (typeof COMPANIONS)[KubernetesVersion]): Pick<ImageSpec, 'ref' | 'alsoRefs'> {
  const refs = [...new Set(KUBERNETES_VERSIONS.map((version) => imageRefs(version)[image]))];
  return { ref: refs[0] ?? '', alsoRefs: refs.slice(1) };
}

function versionImages(
  version: KubernetesVersion,
  programs: ImagePrograms['versions'][KubernetesVersion],
  proxy: Pick<ImageSpec, 'files' | 'links' | 'directories'>,
): ImageSpec[] {
  return VERSIONED_IMAGES.map((name) => {
    const files = [...ACCOUNTS, local(name, programs)];
    const ref = imageRefs(version)[name];
    if (name !== 'kube-proxy') return { ref, directories: DIRECTORIES, files };
    return { ref, ...proxy, files: [...files, ...proxy.files] };
  });
}

const local = <N extends ToolName>(name: N, paths: Readonly<Record<N, string>>): ImageFile =>
  executable(`/usr/local/bin/${name}`, paths[name]);

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
async function kubeProxyFiles(
  tree: string,
  ctx: ToolContext,
): Promise<Pick<ImageSpec, 'files' | 'links' | 'directories'>> {
  const extensions = await xtablesExtensions(tree);
  const libraries = await sharedLibraries(tree, [...PROXY_PROGRAMS, ...extensions], ctx);
  const copied = [...PROXY_PROGRAMS, ...extensions, ...libraries];
  const files = await Promise.all(copied.map(async (path) => executable(path, await realpath(join(tree, path)))));
  return {
    files,
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
