/** Rules about versions beside each other. The three about workers have the names of upstream's preflight checks. */
export type SkewRule =
  | 'ControlPlaneMinorStep'
  | 'ControlPlaneDowngrade'
  | 'KubernetesVersionSkew'
  | 'KubeadmVersionSkew'
  | 'ControlPlaneVersionSkew';

/** A rule that two versions break, and what would not. */
export interface SkewViolation {
  readonly rule: SkewRule;
  readonly message: string;
  readonly remedy: string;
}

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Since this minor of the control plane kubelets may be three minors older, before that two. Source: Kubernetes version skew policy. */
const THREE_SINCE_MINOR = 28;

/** A version that cannot be read breaks no rule of these: admission refuses it. */
function parse(version: string | undefined): Version | undefined {
  const parts = /^v?(\d+)\.(\d+)\.\d+(?:[-+].*)?$/.exec(version ?? '');
  return parts ? { major: Number(parts[1]), minor: Number(parts[2]) } : undefined;
}

const minorText = ({ major, minor }: Version): string => `v${major}.${minor}`;

/** A control plane goes up one minor at a time, whatever the patch. Source: capi kubeadmcontrolplane webhook validateVersion. */
export function controlPlaneStep(from: string, to: string): SkewViolation | undefined {
  const [a, b] = [parse(from), parse(to)];
  if (!a || !b) return undefined;
  if (b.major === a.major ? b.minor <= a.minor + 1 : b.major < a.major) return undefined;
  const next = minorText({ ...a, minor: a.minor + 1 });
  return {
    rule: 'ControlPlaneMinorStep',
    message: `cannot go from ${from} to ${to}: upgrade one minor version at a time, next is ${next}`,
    remedy: `set a version of ${next}, and go on when all machines have it`,
  };
}

/**
 * Neither API server nor etcd data go back a minor once every machine has the newer one. While a machine of the older one is left, a rollout that was
 * begun may be taken back. Source: Kubernetes version skew policy; admission lets it pass, as upstream does.
 */
export function controlPlaneDowngrade(machines: readonly string[], to: string): SkewViolation | undefined {
  const wished = parse(to);
  const there = machines.flatMap((v) => parse(v) ?? []);
  if (!wished || there.length === 0) return undefined;
  const below = (v: Version): boolean => wished.major < v.major || (wished.major === v.major && wished.minor < v.minor);
  if (!there.every(below)) return undefined;
  const newest = [...machines].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? '';
  return {
    rule: 'ControlPlaneDowngrade',
    message: `cannot go back from ${newest} to ${to}: Kubernetes does not support a control plane of an older minor than its data were written by`,
    remedy: 'stay at this minor, or restore a backup of the older version into a new cluster',
  };
}

/** Workers are never newer than their control plane, and at most three minors older. Source: capi machineset_preflight.go kubernetesVersionPreflightCheck. */
export function kubernetesSkew(controlPlane: string, workers: string | undefined): SkewViolation | undefined {
  const [plane, nodes] = [parse(controlPlane), parse(workers)];
  if (!plane || !nodes) return undefined;
  const most = plane.minor >= THREE_SINCE_MINOR || plane.major > 1 ? 3 : 2;
  const rule = 'KubernetesVersionSkew';
  if (nodes.major > plane.major || (nodes.major === plane.major && nodes.minor > plane.minor)) {
    return {
      rule,
      message: `workers of ${workers} are newer than their control plane of ${controlPlane}`,
      remedy: `upgrade the control plane to ${minorText(nodes)} first`,
    };
  }
  if (nodes.major === plane.major && plane.minor - nodes.minor <= most) return undefined;
  const oldest = minorText({ ...plane, minor: Math.max(0, plane.minor - most) });
  return {
    rule,
    message: `workers of ${workers} are more than ${most} minor versions older than their control plane of ${controlPlane}`,
    remedy: `upgrade the workers to ${oldest} or newer first`,
  };
}

/** kubeadm only joins machines of the control plane's minor. Source: capi machineset_preflight.go kubeadmVersionPreflightCheck. */
export function kubeadmSkew(controlPlane: string, workers: string | undefined): SkewViolation | undefined {
  const [plane, nodes] = [parse(controlPlane), parse(workers)];
  if (!plane || !nodes || (plane.major === nodes.major && plane.minor === nodes.minor)) return undefined;
  return {
    rule: 'KubeadmVersionSkew',
    message: `kubeadm of ${workers} cannot join machines to a control plane of ${controlPlane}: it has to be of the same minor version`,
    remedy: `set the workers' version to one of ${minorText(plane)}`,
  };
}

/** In a cluster with a topology workers have their control plane's very version. Source: capi machineset_preflight.go controlPlaneVersionPreflightCheck. */
export function controlPlaneSkew(controlPlane: string, workers: string | undefined): SkewViolation | undefined {
  if (workers === undefined || workers === controlPlane) return undefined;
  return {
    rule: 'ControlPlaneVersionSkew',
    message: `workers of ${workers} are not of the control plane's version ${controlPlane}, as a cluster with a topology needs`,
    remedy: `set the workers' version to ${controlPlane}`,
  };
}
