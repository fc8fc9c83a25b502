import { ANNOTATION } from '../../domain/names.js';
import { labelValueProblem } from '../../domain/selectors.js';
import type { Cluster } from '../types/index.js';
import { overlaps, parseCidr } from './cidr.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, type Verdict, verdict } from './field-errors.js';
import { optionalObject } from './json.js';
import { isDefined, withVersionPrefix } from './object-fields.js';

/** A copy with the version of a topology in normal form; nothing else of a Cluster has defaults. */
export function defaultCluster(cluster: Cluster): Cluster {
  const out = structuredClone(cluster);
  const spec = optionalObject(out, 'spec');
  const topology = spec && optionalObject(spec, 'topology');
  if (topology && typeof topology.version === 'string') topology.version = withVersionPrefix(topology.version);
  return out;
}

/** Rules for one Cluster, and with `old` for the change. Source: cluster-api core/webhooks/admission/cluster.go. */
export function validateCluster(cluster: Cluster, old: Cluster | undefined, ctx: AdmissionContext): Verdict {
  const errors = checkCluster(cluster, ctx);
  return verdict(old ? [...errors, ...checkRemovals(old, cluster)] : errors);
}

const DELETE_FOR_MOVE = 'clusterctl.cluster.x-k8s.io/delete-for-move';

/** A Cluster that is protected by annotation cannot be deleted; a move that takes it elsewhere may take it from here. */
export function validateClusterDeletion({ metadata: { annotations = {} } }: Cluster): Verdict {
  if (annotations[ANNOTATION.deletionProtection] !== 'true' || DELETE_FOR_MOVE in annotations) return verdict([]);
  const message = `annotation ${ANNOTATION.deletionProtection} protects this cluster: remove it to be able to delete the cluster`;
  return verdict([forbidden('metadata.annotations', message)]);
}

function checkCluster(cluster: Cluster, ctx: AdmissionContext): FieldError[] {
  const { spec, metadata } = cluster;
  const errors: FieldError[] = [];
  const problem = labelValueProblem(metadata.name);
  if (problem !== undefined) {
    errors.push(
      invalid('metadata.name', metadata.name, `is used as a label value and ${problem}: choose a shorter name`),
    );
  }
  if (!isDefined(spec.controlPlaneRef) && !isDefined(spec.infrastructureRef) && !isDefined(spec.topology)) {
    errors.push(forbidden('spec', 'one of controlPlaneRef and infrastructureRef must be set'));
  }
  if (isDefined(spec.topology) && !ctx.gates.ClusterTopology) {
    const message =
      'ClusterClass is not supported yet: remove topology, make the objects it would make and set infrastructureRef and controlPlaneRef';
    errors.push(forbidden('spec.topology', message));
  }
  return [...errors, ...checkNetwork(cluster)];
}

function checkNetwork({ spec }: Cluster): FieldError[] {
  const path = 'spec.clusterNetwork';
  const pods = spec.clusterNetwork?.pods?.cidrBlocks ?? [];
  const services = spec.clusterNetwork?.services?.cidrBlocks ?? [];
  return [
    ...checkBlocks(pods, `${path}.pods.cidrBlocks`),
    ...checkBlocks(services, `${path}.services.cidrBlocks`),
    ...services.flatMap((service, i) => {
      const block = parseCidr(service);
      const clash = block && pods.find((pod) => overlapsText(pod, block));
      if (clash === undefined) return [];
      const message = `overlaps ${clash} of ${path}.pods.cidrBlocks: choose blocks that share no address`;
      return [invalid(`${path}.services.cidrBlocks[${i}]`, service, message)];
    }),
  ];
}

function overlapsText(text: string, block: NonNullable<ReturnType<typeof parseCidr>>): boolean {
  const other = parseCidr(text);
  return other !== undefined && overlaps(other, block);
}

function checkBlocks(blocks: readonly string[], path: string): FieldError[] {
  return blocks.flatMap((block, i) =>
    parseCidr(block) ? [] : [invalid(`${path}[${i}]`, block, 'is not a CIDR block, e.g. 192.168.0.0/16')],
  );
}

function checkRemovals(old: Cluster, cluster: Cluster): FieldError[] {
  return (['infrastructureRef', 'controlPlaneRef', 'topology'] as const)
    .filter((field) => isDefined(old.spec[field]) && !isDefined(cluster.spec[field]))
    .map((field) => forbidden(`spec.${field}`, 'cannot be removed once set: delete the Cluster instead'));
}
