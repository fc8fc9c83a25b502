import type { KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import { ANNOTATION } from '../../../domain/names.js';
import { kubeProxyImage } from '../../../domain/upkeep/image.js';
import type { Kube } from '../../../kube/kube.js';
import { imageOf, type PodOwner, SYSTEM, titleOf, UPKEEP_MANAGER, withImage } from './parts.js';

const NAME = 'kube-proxy';
const REF = { namespace: SYSTEM, name: NAME };

/** Whether kube-proxy's image is not that of the control plane's version. Without a DaemonSet, or told to skip it, it never is. */
export async function isKubeProxyDue(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<boolean> {
  if (isSkipped(controlPlane)) return false;
  return wantedImage(await workload.get<PodOwner>(KINDS.DaemonSet, REF, signal), controlPlane) !== undefined;
}

/** Gives kube-proxy the image of the control plane's version. Writes nothing when it has it. Source: capi UpdateKubeProxyImageInfo. */
export async function updateKubeProxy(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<void> {
  if (isSkipped(controlPlane)) return;
  await workload.modify<PodOwner>(
    KINDS.DaemonSet,
    REF,
    (current) => {
      const image = wantedImage(current, controlPlane);
      return image === undefined ? undefined : withImage(current, NAME, image);
    },
    { fieldManager: UPKEEP_MANAGER, signal },
  );
}

const isSkipped = ({ metadata }: KubeadmControlPlane): boolean =>
  metadata.annotations?.[ANNOTATION.skipKubeProxy] !== undefined;

/** The image it should have, undefined when it has that or there is nothing to give it to. */
function wantedImage(daemonSet: PodOwner | undefined, controlPlane: KubeadmControlPlane): string | undefined {
  const current = imageOf(daemonSet, NAME);
  if (current === undefined) return undefined;
  const { version, kubeadmConfigSpec } = controlPlane.spec;
  const holder = `${titleOf(controlPlane)}: daemonset ${SYSTEM}/${NAME} of the workload cluster`;
  const wanted = kubeProxyImage(holder, current, version, kubeadmConfigSpec?.clusterConfiguration?.imageRepository);
  return wanted === current ? undefined : wanted;
}
