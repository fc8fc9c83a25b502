import type { KubeObject } from '../../api/types/meta.js';
import { readPath } from '../contract.js';
import type { InventoryItem } from './external.js';

/** What is listed in a workload cluster before it goes; kinds that it does not serve are empty. */
export interface WorkloadObjects {
  readonly services: readonly KubeObject[];
  readonly ingresses: readonly KubeObject[];
  readonly gateways: readonly KubeObject[];
  readonly volumes: readonly KubeObject[];
  readonly snapshots: readonly KubeObject[];
  readonly targetGroupBindings: readonly KubeObject[];
}

export const NO_OBJECTS: WorkloadObjects = {
  services: [],
  ingresses: [],
  gateways: [],
  volumes: [],
  snapshots: [],
  targetGroupBindings: [],
};

/** True for a Service that a cloud makes a load balancer for. */
export const isLoadBalancer = (service: KubeObject): boolean => readPath(service, 'spec.type') === 'LoadBalancer';

/**
 * The resources that the objects of a workload cluster stand for: load balancers by name and host name, volumes and snapshots by handle. What is
 * retained comes first: it must not be lost where a list is cut. Pure. Source: k8s.io/cloud-provider DefaultLoadBalancerName.
 */
export function inventoryItems(objects: WorkloadObjects): InventoryItem[] {
  const items = [
    ...objects.services.filter(isLoadBalancer).map((o) => balanced(o, 'status.loadBalancer.ingress', balancerName(o))),
    ...objects.ingresses.map((o) => balanced(o, 'status.loadBalancer.ingress')),
    ...objects.gateways.map((o) => balanced(o, 'status.addresses')),
    ...objects.targetGroupBindings.map((o) => item(o, [text(o, 'spec.targetGroupARN')])),
    ...objects.volumes.map((o) =>
      item(o, volumeHandles(o), text(o, 'spec.persistentVolumeReclaimPolicy') === 'Retain'),
    ),
    ...objects.snapshots.map((o) =>
      item(o, [text(o, 'status.snapshotHandle')], text(o, 'spec.deletionPolicy') === 'Retain'),
    ),
  ].filter(({ ids }) => ids.length > 0);
  return retainedFirst(items);
}

/** What was known, with what is known now in its place; what is retained comes first. */
export const mergeItems = (known: readonly InventoryItem[], now: readonly InventoryItem[]): InventoryItem[] =>
  retainedFirst([...new Map([...known, ...now].map((item) => [item.source, item])).values()]);

const retainedFirst = (items: readonly InventoryItem[]): InventoryItem[] => [
  ...items.filter((i) => i.retain),
  ...items.filter((i) => !i.retain),
];

const text = (object: unknown, path: string): string => {
  const value = readPath(object, path);
  return typeof value === 'string' ? value : '';
};

function item(object: KubeObject, ids: readonly string[], retain = false): InventoryItem {
  const { namespace, name } = object.metadata;
  return {
    source: `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`,
    ids: [...new Set(ids.filter((id) => id !== ''))],
    ...(retain ? { retain: true } : {}),
  };
}

/** An object that a load balancer's host names or addresses are written on. */
function balanced(object: KubeObject, path: string, ...more: readonly string[]): InventoryItem {
  const entries = readPath(object, path);
  const hosts = (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) =>
    ['hostname', 'ip', 'value'].map((key) => readPath(entry, key)),
  );
  const dnsNames = dnsNamesOf(object);
  return {
    ...item(object, [...more, ...hosts.filter((host): host is string => typeof host === 'string')]),
    ...(dnsNames.length > 0 ? { dnsNames } : {}),
  };
}

/** Where an object says the names that it wants to be known by. Source: external-dns docs/annotations. */
const DNS_NAMES = ['external-dns.alpha.kubernetes.io/hostname', 'external-dns.kubernetes.io/hostname'];

/** The names that a Service, an Ingress or a Gateway asks for in the DNS, sorted. */
function dnsNamesOf(object: KubeObject): string[] {
  const annotated = DNS_NAMES.flatMap((key) => (object.metadata.annotations?.[key] ?? '').split(','));
  const listed = ['spec.rules', 'spec.listeners'].flatMap((path) => {
    const entries = readPath(object, path);
    return (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) => [
      text(entry, 'host'),
      text(entry, 'hostname'),
    ]);
  });
  return [...new Set([...annotated, ...listed].map((name) => name.trim()).filter((name) => name !== ''))].sort();
}

/** The name that cloud providers give to a Service's load balancer unless told another. */
function balancerName({ metadata }: KubeObject): string {
  return metadata.uid ? `a${metadata.uid.replaceAll('-', '')}`.slice(0, 32) : '';
}

/** Handles of a PersistentVolume: of a CSI driver, or of the volume types that were in Kubernetes itself, whose ids may be below a zone. */
function volumeHandles(volume: KubeObject): string[] {
  const inTree = text(volume, 'spec.awsElasticBlockStore.volumeID');
  return [text(volume, 'spec.csi.volumeHandle'), inTree, inTree.split('/').at(-1) ?? ''];
}
