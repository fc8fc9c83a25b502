import type { Cluster, KubeadmControlPlane } from '../../api/types/index.js';
import type { CertificatePems } from '../../domain/bootstrap/certificate-set.js';
import { isFailure } from '../../domain/errors.js';
import { ensureCertificates as ensureClusterCertificates, readCertificates } from './certificates.js';
import { ensureKubeconfig as ensureClusterKubeconfig, type KubeconfigResult } from './kubeconfig.js';
import type { BootstrapDeps } from './subject.js';

export { type BootstrapData, ensureBootstrapData } from './bootstrap-data.js';
export { keepBootstrapToken } from './join.js';
export type { BootstrapDeps, BootstrapSubject } from './subject.js';

/** The certificates of a control plane: taken by name or generated, belonging to `controlPlane`. See `certificates.ts` for the contract. */
export async function ensureCertificates(
  deps: BootstrapDeps,
  input: { readonly cluster: Cluster; readonly controlPlane: KubeadmControlPlane; readonly initialized: boolean },
): Promise<CertificatePems> {
  const { cluster, controlPlane, initialized } = input;
  const { signal } = deps.scope();
  const configuration = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration;
  return await ensureClusterCertificates({
    kube: deps.kube,
    cluster,
    configuration,
    owner: controlPlane,
    initialized,
    now: new Date(deps.now()),
    signal,
  });
}

/** The kubeconfig of a control plane, signed by the cluster CA and renewed in time. See `kubeconfig.ts` for the contract. */
export async function ensureKubeconfig(
  deps: BootstrapDeps,
  input: { readonly cluster: Cluster; readonly controlPlane: KubeadmControlPlane },
): Promise<KubeconfigResult> {
  const { cluster, controlPlane } = input;
  const { signal } = deps.scope();
  const configuration = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration;
  const { ca } = await readCertificates({ kube: deps.kube, cluster, configuration, initialized: false, signal }, [
    'ca',
  ]);
  return await ensureClusterKubeconfig({
    kube: deps.kube,
    cluster,
    owner: controlPlane,
    ca: ca ?? { cert: '', key: '' },
    algorithm: configuration?.encryptionAlgorithm,
    now: new Date(deps.now()),
    signal,
  });
}

/**
 * The kubeconfig of a cluster whose control plane machines are made by hand: nobody else would make it. Belongs to the Cluster. Nothing happens before
 * its first machine has made a CA. Source: capi core/reconcilers/cluster reconcileKubeconfig.
 */
export async function ensureStandaloneKubeconfig(deps: BootstrapDeps, cluster: Cluster): Promise<void> {
  const { kube } = deps;
  const { signal } = deps.scope();
  try {
    const { ca } = await readCertificates({ kube, cluster, configuration: undefined, initialized: false, signal }, [
      'ca',
    ]);
    if (ca) await ensureClusterKubeconfig({ kube, cluster, owner: cluster, ca, now: new Date(deps.now()), signal });
  } catch (error) {
    if (!isFailure(error, 'NotYet')) throw error;
  }
}
