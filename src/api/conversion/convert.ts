import { Type } from '@sinclair/typebox';
import type { KindVersion } from '../crd/definition.js';
import { definitionOf } from '../crd/definitions.js';
import { BOOTSTRAP_GROUP, CONTROL_PLANE_GROUP, CORE_GROUP } from '../types/kinds.js';
import { cluster, machine, machineDeployment, machineHealthCheck, machinePool, machineSet } from './core.js';
import { getPath, isObject, type JsonObject } from './json.js';
import { kubeadmConfig, kubeadmConfigTemplate, kubeadmControlPlane, kubeadmControlPlaneTemplate } from './kubeadm.js';
import { prune } from './prune.js';
import { fallbackApiVersion } from './resolver.js';
import { restore } from './restore.js';
import { type Context, type Mapping, same } from './rules.js';

/** Annotation that keeps the hub object while a v1beta1 client holds it. Source: cluster-api util/conversion. */
export const DATA_ANNOTATION = 'cluster.x-k8s.io/conversion-data';
export const HUB_VERSION = 'v1beta2';
export const SPOKE_VERSION = 'v1beta1';

/** How one kind is converted. Pure: inputs are never changed. */
export interface KindConverter {
  readonly group: string;
  readonly kind: string;
  /** Dotted paths of the references without version in the hub object. */
  readonly refPaths: readonly string[];
  /** v1beta1 → v1beta2. Reads the conversion-data annotation and removes it. */
  readonly up: (spoke: JsonObject) => JsonObject;
  /** v1beta2 → v1beta1. Writes the conversion-data annotation. */
  readonly down: (hub: JsonObject, apiVersionOf: Context['apiVersionOf']) => JsonObject;
}

interface ConverterSpec {
  readonly group: string;
  readonly kind: string;
  readonly mapping: Mapping;
  readonly refPaths: readonly string[];
  /** MachineSets lose nothing on the way, so they carry no annotation; as upstream. */
  readonly annotated?: boolean;
}

/** The parts of an object that conversion works on. */
function body(object: JsonObject): JsonObject {
  const { spec, status } = object;
  return { ...(spec === undefined ? {} : { spec }), ...(status === undefined ? {} : { status }) };
}

function bodySchema(group: string, kind: string, version: string): JsonObject {
  const found: KindVersion | undefined = definitionOf(group, kind)?.versions.find((v) => v.name === version);
  if (!found) throw new Error(`no schema for ${kind} of ${group}/${version}`);
  const { spec, status } = found;
  return Type.Object({
    spec: Type.Optional(spec),
    ...(status ? { status: Type.Optional(status) } : {}),
  }) as unknown as JsonObject;
}

function savedHub(annotations: unknown): JsonObject | undefined {
  const text = isObject(annotations) ? annotations[DATA_ANNOTATION] : undefined;
  if (typeof text !== 'string') return undefined;
  try {
    const saved: unknown = JSON.parse(text);
    return isObject(saved) ? body(saved) : undefined;
  } catch {
    return undefined; // A client wrote something else there: without saved data the object itself is all there is to go by.
  }
}

function withAnnotation(metadata: unknown, value: string | undefined): unknown {
  if (!isObject(metadata)) return value === undefined ? metadata : { annotations: { [DATA_ANNOTATION]: value } };
  const { annotations, ...rest } = metadata;
  const { [DATA_ANNOTATION]: _old, ...others } = isObject(annotations) ? annotations : {};
  const next = value === undefined ? others : { ...others, [DATA_ANNOTATION]: value };
  const had = isObject(annotations) && !(DATA_ANNOTATION in annotations);
  return Object.keys(next).length > 0 || had ? { ...rest, annotations: next } : rest;
}

function namespaceOf(object: JsonObject): string | undefined {
  const namespace = getPath(object, 'metadata.namespace');
  return typeof namespace === 'string' ? namespace : undefined;
}

/** `object` with the converted spec and status in place of its own. */
function assemble(object: JsonObject, apiVersion: string, metadata: unknown, converted: JsonObject): JsonObject {
  const { spec: _spec, status: _status, ...rest } = object;
  return { ...rest, apiVersion, ...(metadata === undefined ? {} : { metadata }), ...converted };
}

function converter({ group, kind, mapping, refPaths, annotated = true }: ConverterSpec): KindConverter {
  const hubSchema = bodySchema(group, kind, HUB_VERSION);
  const spokeSchema = bodySchema(group, kind, SPOKE_VERSION);
  const upBody = (spoke: JsonObject, context: Context): JsonObject =>
    prune(hubSchema, mapping.up(spoke, context)) as JsonObject;
  const downBody = (hub: JsonObject, context: Context): JsonObject =>
    prune(spokeSchema, mapping.down(hub, context)) as JsonObject;
  return {
    group,
    kind,
    refPaths,
    up: (input) => {
      const spoke = structuredClone(input);
      // Versions in references do not survive the way up, so any will do for the base of the merge.
      const context: Context = { namespace: namespaceOf(spoke), apiVersionOf: fallbackApiVersion };
      const saved = savedHub(getPath(spoke, 'metadata.annotations'));
      const changed = upBody(body(spoke), context);
      const base = saved && upBody(downBody(saved, context), context);
      const converted = saved && base ? restore(hubSchema, { base, original: saved, changed }) : changed;
      return assemble(spoke, `${group}/${HUB_VERSION}`, withAnnotation(spoke['metadata'], undefined), converted);
    },
    down: (input, apiVersionOf) => {
      const hub = structuredClone(input);
      const { metadata, ...data } = hub;
      const converted = downBody(body(hub), { namespace: namespaceOf(hub), apiVersionOf });
      const kept = annotated ? JSON.stringify(data) : undefined;
      return assemble(hub, `${group}/${SPOKE_VERSION}`, withAnnotation(metadata, kept), converted);
    },
  };
}

const MACHINE_REFS = ['bootstrap.configRef', 'infrastructureRef'] as const;
const templated = MACHINE_REFS.map((path) => `spec.template.spec.${path}`);

function core(kind: string, mapping: Mapping, refPaths: readonly string[], annotated = true): KindConverter {
  return converter({ group: CORE_GROUP, kind, mapping, refPaths, annotated });
}

/** Every kind with two versions. Kinds that are not here have one version and are never converted. */
export const converters: readonly KindConverter[] = [
  core('Cluster', cluster, ['spec.controlPlaneRef', 'spec.infrastructureRef']),
  core(
    'Machine',
    machine,
    MACHINE_REFS.map((path) => `spec.${path}`),
  ),
  core('MachineSet', machineSet, templated, false),
  core('MachineDeployment', machineDeployment, templated),
  core('MachinePool', machinePool, templated),
  // The same in both versions.
  core('MachineDrainRule', same, [], false),
  core('MachineHealthCheck', machineHealthCheck, []),
  converter({ group: BOOTSTRAP_GROUP, kind: 'KubeadmConfig', mapping: kubeadmConfig, refPaths: [] }),
  converter({ group: BOOTSTRAP_GROUP, kind: 'KubeadmConfigTemplate', mapping: kubeadmConfigTemplate, refPaths: [] }),
  converter({
    group: CONTROL_PLANE_GROUP,
    kind: 'KubeadmControlPlane',
    mapping: kubeadmControlPlane,
    refPaths: ['spec.machineTemplate.spec.infrastructureRef'],
  }),
  converter({
    group: CONTROL_PLANE_GROUP,
    kind: 'KubeadmControlPlaneTemplate',
    mapping: kubeadmControlPlaneTemplate,
    refPaths: [],
  }),
];

/** The converter of a kind, or undefined. */
export function converterOf(group: string, kind: string): KindConverter | undefined {
  return converters.find((c) => c.group === group && c.kind === kind);
}
