import type { KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import { updatedClusterConfiguration, withDnsImage } from '../../../domain/upkeep/cluster-configuration.js';
import type { Kube } from '../../../kube/kube.js';
import { type ConfigMap, KUBEADM_CONFIG, noKubeadmConfig, titleOf, UPKEEP_MANAGER } from './parts.js';

const KEY = 'ClusterConfiguration';

/**
 * Brings ConfigMap kubeadm-config, which every joining machine reads, to the control plane's version and configuration. Writes nothing when it says so
 * already. Throws `NotFound` without it, `InvalidConfiguration` when it cannot be read. Source: capi UpdateClusterConfiguration.
 */
export function syncKubeadmConfig(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<void> {
  const { version, kubeadmConfigSpec: spec } = controlPlane.spec;
  const wish = { object: titleOf(controlPlane), version, spec };
  return rewrite(workload, controlPlane, signal, (text) => updatedClusterConfiguration(text, wish));
}

/** Notes there which image CoreDNS was given, for who runs kubeadm by hand. */
export function noteDnsImage(workload: Kube, controlPlane: KubeadmControlPlane, signal: AbortSignal): Promise<void> {
  const dns = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration?.dns;
  return rewrite(workload, controlPlane, signal, (text) => withDnsImage(text, titleOf(controlPlane), dns));
}

async function rewrite(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
  change: (text: string) => string | undefined,
): Promise<void> {
  const stored = await workload.modify<ConfigMap>(
    KINDS.ConfigMap,
    KUBEADM_CONFIG,
    (current) => {
      const text = current.data?.[KEY];
      if (text === undefined) throw noKubeadmConfig(controlPlane, `has no key ${KEY}`);
      const changed = change(text);
      return changed === undefined ? undefined : { ...current, data: { ...current.data, [KEY]: changed } };
    },
    { fieldManager: UPKEEP_MANAGER, signal },
  );
  if (stored === undefined) throw noKubeadmConfig(controlPlane, 'is missing');
}
