import type { KubeadmControlPlane } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { ObjectKey } from '../../api/types/meta.js';
import { isDeleting } from '../../domain/contract.js';
import type { RemediationRecord } from '../../domain/facts.js';
import { ANNOTATION } from '../../domain/names.js';
import { recordOf, recordText } from '../../domain/rollout/control-plane-machine.js';
import type { ActivityDeps } from '../deps.js';
import { readKey } from './world.js';

/** Writes down that a replacement begins. Answers the control plane with the record on it; undefined when it goes, or when another replacement is in progress. */
export async function beginRemediation(
  deps: ActivityDeps,
  key: ObjectKey,
  record: RemediationRecord,
): Promise<KubeadmControlPlane | undefined> {
  const { signal } = deps.scope();
  const inProgress = (o: KubeadmControlPlane) => recordOf(o.metadata.annotations?.[ANNOTATION.remediationInProgress]);
  const ref = { namespace: key.namespace, name: key.name };
  const stored = await deps.kube.modify<KubeadmControlPlane>(
    KINDS.KubeadmControlPlane,
    ref,
    (current) => {
      if (current.metadata.uid !== key.uid || isDeleting(current) || inProgress(current)) return undefined;
      const annotations = {
        ...current.metadata.annotations,
        [ANNOTATION.remediationInProgress]: recordText(record),
      };
      return { ...current, metadata: { ...current.metadata, annotations } };
    },
    { signal },
  );
  if (!stored || stored.metadata.uid !== key.uid || isDeleting(stored)) return undefined;
  const written = inProgress(stored);
  return written?.machine === record.machine && written.timestamp === record.timestamp ? stored : undefined;
}

/** Forgets a replacement: its new machine exists, or it needs none. Another record is left alone; absent is success. */
export async function endRemediation(deps: ActivityDeps, key: ObjectKey, record: RemediationRecord): Promise<void> {
  const controlPlane = await readKey<KubeadmControlPlane>(
    deps.kube,
    KINDS.KubeadmControlPlane,
    key,
    deps.scope().signal,
  );
  if (controlPlane) await forgetRemediation(deps, controlPlane, record);
}

/** The same for a control plane that was read. Answers it as it is then. */
export async function forgetRemediation(
  deps: ActivityDeps,
  controlPlane: KubeadmControlPlane,
  record: RemediationRecord,
): Promise<KubeadmControlPlane> {
  const isIt = (o: KubeadmControlPlane): boolean => {
    const written = recordOf(o.metadata.annotations?.[ANNOTATION.remediationInProgress]);
    return written?.machine === record.machine && written.timestamp === record.timestamp;
  };
  if (!isIt(controlPlane)) return controlPlane;
  const { namespace = '', name, uid } = controlPlane.metadata;
  const stored = await deps.kube.modify<KubeadmControlPlane>(
    KINDS.KubeadmControlPlane,
    { namespace, name },
    (current) => {
      if (current.metadata.uid !== uid || !isIt(current)) return undefined;
      const { [ANNOTATION.remediationInProgress]: _, ...annotations } = current.metadata.annotations ?? {};
      return { ...current, metadata: { ...current.metadata, annotations } };
    },
    { signal: deps.scope().signal },
  );
  return stored ?? controlPlane;
}
