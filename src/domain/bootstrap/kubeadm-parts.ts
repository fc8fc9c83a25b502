import type {
  Arg,
  ClusterConfiguration,
  InitConfiguration,
  NodeRegistrationOptions,
  NodeTaint,
} from '../../api/types/index.js';
import { goDuration, type KubeadmApi } from './kubeadm-version.js';

export type Plain = Record<string, unknown>;

/** Without what Go's `omitempty` leaves out: undefined, empty strings, empty lists and maps. Booleans and numbers stay. */
export function compact(fields: Plain): Plain {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}

/** Arguments as kubeadm takes them: a map in v1beta3 (of equal names the last wins), a list in v1beta4. */
export function argsOf(api: KubeadmApi, args: readonly Arg[] | undefined): unknown {
  if (args === undefined || args.length === 0) return undefined;
  if (api === 'v1beta3') return Object.fromEntries(args.map((a) => [a.name, a.value]));
  return args.map((a) => ({ name: a.name, value: a.value }));
}

export function durationOf(seconds: number | undefined): string | undefined {
  return seconds === undefined ? undefined : goDuration(seconds);
}

type Component = Pick<
  NonNullable<ClusterConfiguration['controllerManager']>,
  'extraArgs' | 'extraEnvs' | 'extraVolumes'
>;

/** What API server, controller manager and scheduler share. v1beta3 has no environment variables. */
export function componentOf(api: KubeadmApi, component: Component = {}): Plain {
  return compact({
    extraArgs: argsOf(api, component.extraArgs),
    extraEnvs: api === 'v1beta3' ? undefined : component.extraEnvs,
    extraVolumes: component.extraVolumes?.map((v) => ({
      name: v.name,
      hostPath: v.hostPath,
      mountPath: v.mountPath,
      ...compact({ readOnly: v.readOnly || undefined, pathType: v.pathType }),
    })),
  });
}

/** `taints: null` makes kubeadm set its default taint, `[]` none: both are written. */
export function nodeRegistrationOf(api: KubeadmApi, options: NodeRegistrationOptions = {}): Plain {
  return {
    ...compact({
      name: options.name,
      criSocket: options.criSocket,
      kubeletExtraArgs: argsOf(api, options.kubeletExtraArgs),
      ignorePreflightErrors: options.ignorePreflightErrors,
      imagePullPolicy: options.imagePullPolicy,
      imagePullSerial: api === 'v1beta3' ? undefined : options.imagePullSerial,
    }),
    taints: options.taints?.map(taintOf) ?? null,
  };
}

function taintOf(taint: NodeTaint): Plain {
  return { key: taint.key, effect: taint.effect, ...compact({ value: taint.value, timeAdded: taint.timeAdded }) };
}

export function patchesOf(patches: InitConfiguration['patches']): Plain | undefined {
  return patches && compact({ directory: patches.directory });
}

/** v1beta4 only. */
export function timeoutsOf(timeouts: InitConfiguration['timeouts']): Plain | undefined {
  return (
    timeouts &&
    compact({
      controlPlaneComponentHealthCheck: durationOf(timeouts.controlPlaneComponentHealthCheckSeconds),
      kubeletHealthCheck: durationOf(timeouts.kubeletHealthCheckSeconds),
      kubernetesAPICall: durationOf(timeouts.kubernetesAPICallSeconds),
      etcdAPICall: durationOf(timeouts.etcdAPICallSeconds),
      tlsBootstrap: durationOf(timeouts.tlsBootstrapSeconds),
      discovery: durationOf(timeouts.discoverySeconds),
    })
  );
}
