import type { TSchema } from '@sinclair/typebox';

/** A column of `kubectl get`. Source: apiextensions v1 CustomResourceColumnDefinition. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date' | 'number';
  readonly jsonPath: string;
  readonly description: string;
  /** Columns above 0 show with `-o wide` only. */
  readonly priority?: number;
}

export interface ScaleSubresource {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** One version of a kind. */
export interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  /** Exactly one version of a kind is stored. */
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  /** What the kind is for; shown by `kubectl explain`. */
  readonly description: string;
  readonly spec: TSchema;
  /** Whether an object without spec is refused. */
  readonly specRequired: boolean;
  readonly status?: TSchema;
  readonly printerColumns: readonly PrinterColumn[];
  readonly subresources: { readonly status: boolean; readonly scale?: ScaleSubresource };
}

/** Everything a CustomResourceDefinition says about a kind. */
export interface KindDefinition {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly categories: readonly string[];
  readonly versions: readonly KindVersion[];
  /** Labels of the CRD: contract versions, provider, clusterctl. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether versions differ in shape, so that the conversion webhook is asked. */
  readonly conversion: boolean;
}

/** Name of the CRD, `<plural>.<group>`: core looks CRDs up by it. */
export function crdName(definition: Pick<KindDefinition, 'group' | 'plural'>): string {
  return `${definition.plural}.${definition.group}`;
}

/** Labels of every CRD that belongs to `provider`, e.g. `bootstrap-kubeadm`. Source: clusterctl provider contract. */
export function providerLabels(
  provider: string,
  contracts: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...contracts, 'cluster.x-k8s.io/provider': provider, 'clusterctl.cluster.x-k8s.io': '' };
}

export function age(kind: string): PrinterColumn {
  return column('Age', 'date', '.metadata.creationTimestamp', `Time since the ${kind} was created.`);
}

export function column(
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
  priority?: number,
): PrinterColumn {
  return { name, type, jsonPath, description, ...(priority === undefined ? {} : { priority }) };
}

/** The status of a condition, as a column. */
export function conditionColumn(
  name: string,
  condition: string,
  description: string,
  priority?: number,
): PrinterColumn {
  return column(name, 'string', `.status.conditions[?(@.type=="${condition}")].status`, description, priority);
}
