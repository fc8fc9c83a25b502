import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../contract.js';
import type { VolumesLeft } from './message.js';

/** What a workload cluster tells about the volumes of one Node. */
export interface VolumeView {
  readonly node: KubeObject;
  readonly attachments: readonly KubeObject[];
  readonly persistentVolumes: readonly KubeObject[];
  /** `namespace/name` of claims of Pods that the drain leaves running. */
  readonly kept: ReadonlySet<string>;
}

const text = (object: unknown, path: string): string | undefined => {
  const value = readPath(object, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** Names in Node.status.volumesAttached. */
export function attachedNames(node: KubeObject): string[] {
  const list = readPath(node, 'status.volumesAttached');
  return Array.isArray(list) ? list.map((v) => text(v, 'name')).filter((n) => n !== undefined) : [];
}

/** VolumeAttachments that hold a volume at the Node. */
export const attachmentsOf = (node: string, all: readonly KubeObject[]): KubeObject[] =>
  all.filter((a) => text(a, 'spec.nodeName') === node && readPath(a, 'status.attached') === true);

/** `namespace/name` of the claims a Pod uses. */
export function claimsOf(pod: KubeObject): string[] {
  const volumes = readPath(pod, 'spec.volumes');
  const names = Array.isArray(volumes) ? volumes.map((v) => text(v, 'persistentVolumeClaim.claimName')) : [];
  return names.filter((n) => n !== undefined).map((n) => `${pod.metadata.namespace ?? ''}/${n}`);
}

/**
 * The volumes that have to be detached before the instance may go: what the Node or a VolumeAttachment names, except claims of Pods that stay. What no
 * PersistentVolume stands behind is waited for too: it is not known to be free. Source: capi getPersistentVolumesWaitingForDetach.
 */
export function volumesLeft(view: VolumeView): VolumesLeft {
  const byNode = new Set(attachedNames(view.node));
  const byAttachment = new Set(
    attachmentsOf(view.node.metadata.name, view.attachments).map(
      (a) => text(a, 'spec.source.persistentVolumeName') ?? a.metadata.name,
    ),
  );
  const claims = new Set<string>();
  const unclaimed: string[] = [];
  for (const volume of view.persistentVolumes) {
    const driver = text(volume, 'spec.csi.driver');
    const asNode = `kubernetes.io/csi/${driver}^${text(volume, 'spec.csi.volumeHandle')}`;
    // both, not one or the other: it is found by either name
    const found = [driver !== undefined && byNode.delete(asNode), byAttachment.delete(volume.metadata.name)];
    if (!found.includes(true)) continue;
    if (text(volume, 'spec.claimRef.kind') !== 'PersistentVolumeClaim') unclaimed.push(volume.metadata.name);
    else claims.add(`${text(volume, 'spec.claimRef.namespace')}/${text(volume, 'spec.claimRef.name')}`);
  }
  return {
    claims: [...claims].filter((c) => !view.kept.has(c)).sort(),
    unclaimed: unclaimed.sort(),
    ofNode: [...byNode].sort(),
    ofAttachments: [...byAttachment].sort(),
  };
}
