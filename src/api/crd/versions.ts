import type { KindDefinition, KindVersion, ScaleSubresource } from './definition.js';

/** What the two versions of a kind of our own have in common. */

export const SCALE: ScaleSubresource = {
  labelSelectorPath: '.status.selector',
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
};

/** The stored version. */
export function stored(version: Omit<KindVersion, 'name' | 'served' | 'storage'>): KindVersion {
  return { name: 'v1beta2', served: true, storage: true, ...version };
}

/** The version that is still served for older clients. */
export function deprecated(version: Omit<KindVersion, 'name' | 'served' | 'storage' | 'deprecated'>): KindVersion {
  return { name: 'v1beta1', served: true, storage: false, deprecated: true, ...version };
}

/** A namespaced kind with both versions. */
export function kind(
  definition: Pick<KindDefinition, 'group' | 'kind' | 'plural' | 'labels' | 'versions'> & {
    readonly shortNames?: readonly string[];
  },
): KindDefinition {
  return {
    singular: definition.kind.toLowerCase(),
    shortNames: [],
    scope: 'Namespaced',
    categories: ['cluster-api'],
    conversion: true,
    ...definition,
  };
}
