import { PerdureError } from '../../domain/errors.js';
import { KUBERNETES_VERSION } from '../tools/index.js';
import type { InventoryInstance } from './inventory.js';

/**
 * The Kubernetes version of an instance's image, read from the image's name as the Cluster API project writes it; the default version for an image
 * that names none. Fails with `InvalidConfiguration` for a version that is not among `available`, since a machine of another would come up.
 */
export function kubernetesVersionOf(instance: InventoryInstance, available: readonly string[]): string {
  const named = /^capa-ami-.*?-v?(\d+\.\d+\.\d+)(?:-|$)/.exec(instance.imageName)?.[1];
  const version = named === undefined ? KUBERNETES_VERSION : `v${named}`;
  if (available.includes(version)) return version;
  throw new PerdureError(
    'InvalidConfiguration',
    `image ${instance.imageId} (${instance.imageName}) is of Kubernetes ${version}, machines here can be of ${available.join(' or ')}; use an image of one of these`,
  );
}
