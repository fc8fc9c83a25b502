import type { KubeadmConfigSpec } from '../../api/types/index.js';
import { parseKubernetesVersion } from './kubeadm-version.js';

const LOCAL_MODE_GATE = 'ControlPlaneKubeletLocalMode';
const LOCAL_MODE_FROM_MINOR = 31;
const LOCAL_MODE_UNTIL_MINOR = 36;

/**
 * The KubeadmConfig spec of a control plane machine: without the half (init or join) it does not need, and with the kubeadm feature gate that
 * makes kubelets talk to their own API server where that gate exists. Undefined when nothing is left: the schema refuses an empty spec. Source:
 * capi desiredstate.ComputeDesiredKubeadmConfig.
 */
export function controlPlaneConfigSpec(
  object: string,
  spec: KubeadmConfigSpec | undefined,
  version: string,
  role: 'init' | 'join',
): KubeadmConfigSpec | undefined {
  const { initConfiguration, joinConfiguration, ...rest } = spec ?? {};
  const half: KubeadmConfigSpec =
    role === 'join'
      ? { joinConfiguration: { ...joinConfiguration, controlPlane: joinConfiguration?.controlPlane ?? {} } }
      : initConfiguration === undefined
        ? {}
        : { initConfiguration };
  const made = withFeatureGates(object, { ...rest, ...half }, version);
  return Object.keys(made).length === 0 ? undefined : made;
}

/** The spec with the feature gates that a control plane of `version` gets unless it says otherwise. */
export function withFeatureGates(object: string, spec: KubeadmConfigSpec, version: string): KubeadmConfigSpec {
  const { major, minor } = parseKubernetesVersion(object, 'spec.version', version);
  if (major !== 1 || minor < LOCAL_MODE_FROM_MINOR || minor >= LOCAL_MODE_UNTIL_MINOR) return spec;
  const featureGates = { [LOCAL_MODE_GATE]: true, ...spec.clusterConfiguration?.featureGates };
  return { ...spec, clusterConfiguration: { ...spec.clusterConfiguration, featureGates } };
}
