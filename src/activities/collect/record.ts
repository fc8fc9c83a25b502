import type { Cluster, KubeObject } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { type ExternalInventory, NO_INVENTORY } from '../../domain/collect/external.js';
import type { ReportLine } from '../../domain/collect/report.js';
import { ownerReference, readPath } from '../../domain/contract.js';
import { LABEL } from '../../domain/names.js';
import type { Kube } from '../../kube/kube.js';

/** What is known of a cluster's external resources, kept where it survives every process: in ConfigMap `<cluster>-external-resources`. */
export interface ExternalRecord {
  readonly inventory: ExternalInventory;
  /** RFC 3339: since when the controllers of the cluster have been asked to clean up. */
  readonly askedAt?: string;
  /** RFC 3339, when the cluster came to be. */
  readonly bornAt?: string;
  readonly report: readonly ReportLine[];
}

const MANAGER = 'perdure-collect';
/** A ConfigMap takes 1 MiB in all. */
const MAX_BYTES = 450_000;

const refOf = ({ metadata }: Cluster) => ({
  namespace: metadata.namespace ?? '',
  name: `${metadata.name}-external-resources`,
});

/** The record of a cluster; empty where there is none. */
export async function readRecord(kube: Kube, cluster: Cluster, signal: AbortSignal): Promise<ExternalRecord> {
  const stored = await kube.get<KubeObject>(KINDS.ConfigMap, refOf(cluster), signal);
  const text = (key: 'askedAt' | 'bornAt') => {
    const value = readPath(stored, `data.${key}`);
    return typeof value === 'string' ? { [key]: value } : {};
  };
  return {
    inventory: parse(stored, 'inventory') ?? NO_INVENTORY,
    report: parse(stored, 'report') ?? [],
    ...text('askedAt'),
    ...text('bornAt'),
  };
}

function parse<T>(stored: KubeObject | undefined, key: string): T | undefined {
  const text = readPath(stored, `data.${key}`);
  return typeof text === 'string' ? (JSON.parse(text) as T) : undefined;
}

/** Writes the record whole, beside its Cluster, which takes it along when it moves and when it goes. */
export async function writeRecord(
  kube: Kube,
  cluster: Cluster,
  { inventory, askedAt, bornAt, report }: ExternalRecord,
  signal: AbortSignal,
): Promise<void> {
  const items = fitting(inventory.items);
  await kube.apply(
    KINDS.ConfigMap,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        ...refOf(cluster),
        labels: { [LABEL.clusterName]: cluster.metadata.name },
        ownerReferences: [ownerReference(cluster, { controller: false })],
      },
      data: {
        inventory: JSON.stringify({ ...inventory, items }),
        report: JSON.stringify(fitting(report)),
        ...(askedAt ? { askedAt } : {}),
        ...(bornAt ? { bornAt } : {}),
      },
    },
    { fieldManager: MANAGER, signal },
  );
}

/** As many of the first as there is room for. */
function fitting<T>(items: readonly T[]): T[] {
  let bytes = 0;
  const fit: T[] = [];
  for (const item of items) {
    bytes += JSON.stringify(item).length + 1;
    if (bytes > MAX_BYTES) break;
    fit.push(item);
  }
  return fit;
}
