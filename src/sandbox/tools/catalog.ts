/** Groups of programs that are built from one Go module, `tools/<family>` of this repository. */
export const FAMILIES = [
  'temporal-dev',
  'temporal-cli',
  'etcd',
  'kubernetes',
  'kubernetes-1.33',
  'coredns',
  'cni',
  'pause',
  'aws-ccm',
] as const;
export type Family = (typeof FAMILIES)[number];

/** Kubernetes versions that the sandbox's machines can run, the default first. One more is a module below `tools` and a line in the two tables here. */
export const KUBERNETES_VERSIONS = ['v1.34.4', 'v1.33.13'] as const;
export type KubernetesVersion = (typeof KUBERNETES_VERSIONS)[number];

/** Kubernetes version of the management API server, and of machines where none is named. */
export const KUBERNETES_VERSION = KUBERNETES_VERSIONS[0];

const KUBERNETES_FAMILIES: Readonly<Record<KubernetesVersion, Family>> = {
  'v1.34.4': 'kubernetes',
  'v1.33.13': 'kubernetes-1.33',
};

/** What of a program on PATH tells its version: the group of `pattern` in the output of `args`. */
export interface VersionProbe {
  readonly args: readonly string[];
  readonly pattern: RegExp;
}

/** One program and how to get it. */
export interface ToolSpec {
  readonly family: Family;
  /** Version as its own `--version` prints it. */
  readonly version: string;
  /** Import path of its main package. */
  readonly package: string;
  /** Rough time of a first build on two cores, for the message that announces it. */
  readonly minutes: number;
  /** Absent for programs that nobody has on PATH, or whose version cannot be asked for. */
  readonly probe?: VersionProbe;
}

const kubernetes = (command: string, minutes: number, args: readonly string[] = ['--version']): ToolSpec => ({
  family: 'kubernetes',
  version: KUBERNETES_VERSION,
  package: `k8s.io/kubernetes/cmd/${command}`,
  minutes,
  probe: { args, pattern: /\b(v\d+\.\d+\.\d+\S*)/ },
});

const cni = (plugin: string): ToolSpec => ({
  family: 'cni',
  version: '1.9.1',
  package: `github.com/containernetworking/plugins/plugins/${plugin}`,
  minutes: 1,
});

/** Every program the sandbox and the tests use, in the order in which `all` builds them: what most tests wait for comes first. */
export const TOOLS = {
  'temporal-dev': { family: 'temporal-dev', version: '1.32.0', package: '.', minutes: 5 },
  etcd: {
    family: 'etcd',
    version: '3.6.16',
    package: 'go.etcd.io/etcd/server/v3',
    minutes: 1,
    probe: { args: ['--version'], pattern: /^etcd Version: (\S+)/m },
  },
  'kube-apiserver': kubernetes('kube-apiserver', 4),
  kubectl: kubernetes('kubectl', 1, ['version', '--client']),
  etcdctl: {
    family: 'etcd',
    version: '3.6.16',
    package: 'go.etcd.io/etcd/etcdctl/v3',
    minutes: 1,
    probe: { args: ['version'], pattern: /^etcdctl version: (\S+)/m },
  },
  kubeadm: kubernetes('kubeadm', 1, ['version', '-o', 'short']),
  kubelet: kubernetes('kubelet', 2),
  'kube-controller-manager': kubernetes('kube-controller-manager', 1),
  'kube-scheduler': kubernetes('kube-scheduler', 1),
  'kube-proxy': kubernetes('kube-proxy', 1),
  coredns: {
    family: 'coredns',
    version: '1.12.1',
    package: 'github.com/coredns/coredns',
    minutes: 2,
    probe: { args: ['-version'], pattern: /^CoreDNS-(\S+)/m },
  },
  bridge: cni('main/bridge'),
  'host-local': cni('ipam/host-local'),
  portmap: cni('meta/portmap'),
  loopback: cni('main/loopback'),
  pause: { family: 'pause', version: '3.10.1', package: '.', minutes: 1 },
  'aws-cloud-controller-manager': {
    family: 'aws-ccm',
    version: 'v1.34.4',
    package: 'k8s.io/cloud-provider-aws/cmd/aws-cloud-controller-manager',
    minutes: 3,
  },
  temporal: {
    family: 'temporal-cli',
    version: '1.5.1',
    package: 'github.com/temporalio/cli/cmd/temporal',
    minutes: 2,
    probe: { args: ['--version'], pattern: /^temporal version (\S+)/m },
  },
} as const satisfies Record<string, ToolSpec>;

export type ToolName = keyof typeof TOOLS;

/** All names, in building order. */
export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

/** The entry of a tool; of a program of Kubernetes, that of `kubernetes`, which other tools do not depend on. */
export function toolSpec(name: ToolName, kubernetes: KubernetesVersion = KUBERNETES_VERSION): ToolSpec {
  const spec: ToolSpec = TOOLS[name];
  if (spec.family !== 'kubernetes') return spec;
  return { ...spec, family: KUBERNETES_FAMILIES[kubernetes], version: kubernetes };
}

/** Narrows a word from a command line to a tool's name. */
export function isToolName(word: string): word is ToolName {
  return Object.hasOwn(TOOLS, word);
}

const VERSION_PACKAGES = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];

/** Linker flags of a family: no symbol tables, and the version where the module does not know it by itself. */
export function linkerFlags(spec: ToolSpec): string {
  return ['-s', '-w', ...Object.entries(stampedVariables(spec)).map(([name, value]) => `-X ${name}=${value}`)].join(
    ' ',
  );
}

function stampedVariables({ family, version }: ToolSpec): Record<string, string> {
  switch (family) {
    case 'kubernetes':
    case 'kubernetes-1.33':
      return Object.assign({}, ...VERSION_PACKAGES.map((pkg) => kubernetesVersion(pkg, version))) as Record<
        string,
        string
      >;
    case 'temporal-cli':
      return { 'github.com/temporalio/cli/temporalcli.Version': version };
    case 'pause':
      return { 'main.version': version };
    default:
      return {};
  }
}

function kubernetesVersion(pkg: string, version: string): Record<string, string> {
  const [major = '', minor = ''] = version.slice(1).split('.');
  return {
    [`${pkg}.gitVersion`]: version,
    [`${pkg}.gitMajor`]: major,
    [`${pkg}.gitMinor`]: minor,
    [`${pkg}.gitCommit`]: '',
    [`${pkg}.gitTreeState`]: 'clean',
  };
}
