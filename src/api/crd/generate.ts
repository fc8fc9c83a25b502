import type { TSchema } from '@sinclair/typebox';
import { stringify } from 'yaml';
import { crdName, type KindDefinition, type KindVersion } from './definition.js';

/** Where the API server reaches the conversion webhook. Source: apiextensions v1 WebhookClientConfig. */
export type WebhookClientConfig =
  | {
      readonly service: {
        readonly name: string;
        readonly namespace: string;
        readonly path: string;
        readonly port?: number;
      };
      readonly caBundle?: string;
    }
  | { readonly url: string; readonly caBundle: string };

/** The webhook of an installation by manifest; `caBundle` is injected there. */
export const DEFAULT_CLIENT_CONFIG: WebhookClientConfig = {
  service: { name: 'perdure-webhook-service', namespace: 'perdure-system', path: '/convert' },
};

type Json = { [key: string]: unknown };

/** Keywords in the order in which people read them; the rest follows by name. */
const KEYWORD_ORDER = ['description', 'type', 'format', 'default', 'enum'];

function keywordRank(key: string): string {
  const index = KEYWORD_ORDER.indexOf(key);
  return index < 0 ? `9${key}` : `${index}`;
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A copy of a TypeBox schema as plain JSON, keys in a fixed order, so that the output only depends on the meaning. */
export function plainSchema(schema: TSchema | Json): Json {
  const entries = Object.entries(schema).sort(([a], [b]) => byName(keywordRank(a), keywordRank(b)));
  return Object.fromEntries(entries.map(([key, value]) => [key, keyword(key, value)]));
}

function keyword(key: string, value: unknown): unknown {
  if (key === 'properties') {
    const properties = Object.entries(value as Record<string, Json>).sort(([a], [b]) => byName(a, b));
    return Object.fromEntries(properties.map(([name, child]) => [name, plainSchema(child)]));
  }
  if (key === 'required') return [...(value as string[])].sort(byName);
  if (key === 'items' || key === 'additionalProperties')
    return typeof value === 'object' ? plainSchema(value as Json) : value;
  return value;
}

function rootSchema(version: KindVersion): Json {
  return {
    description: version.description,
    type: 'object',
    properties: {
      apiVersion: { description: 'Group and version of this representation of the object.', type: 'string' },
      kind: { description: 'Kind of the object.', type: 'string' },
      metadata: { type: 'object' },
      spec: plainSchema(version.spec),
      ...(version.status ? { status: plainSchema(version.status) } : {}),
    },
    ...(version.specRequired ? { required: ['spec'] } : {}),
  };
}

function versionManifest(version: KindVersion): Json {
  const { status, scale } = version.subresources;
  const subresources = { ...(scale ? { scale: { ...scale } } : {}), ...(status ? { status: {} } : {}) };
  return {
    name: version.name,
    served: version.served,
    storage: version.storage,
    ...(version.deprecated ? { deprecated: true } : {}),
    ...(version.deprecationWarning ? { deprecationWarning: version.deprecationWarning } : {}),
    ...(version.printerColumns.length > 0
      ? { additionalPrinterColumns: version.printerColumns.map((column) => ({ ...column })) }
      : {}),
    schema: { openAPIV3Schema: rootSchema(version) },
    subresources,
  };
}

/** The CustomResourceDefinition of one kind. Pure and deterministic. */
export function crdManifest(definition: KindDefinition, clientConfig: WebhookClientConfig): CrdManifest {
  const { shortNames, categories } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(definition), labels: { ...definition.labels } },
    spec: {
      group: definition.group,
      names: {
        ...(categories.length > 0 ? { categories: [...categories] } : {}),
        kind: definition.kind,
        listKind: `${definition.kind}List`,
        plural: definition.plural,
        ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
        singular: definition.singular,
      },
      scope: definition.scope,
      ...(definition.conversion
        ? { conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } } }
        : {}),
      versions: definition.versions.map(versionManifest),
    },
  };
}

/** A CustomResourceDefinition, as far as callers look into it. */
export interface CrdManifest extends Record<string, unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly spec: Record<string, unknown>;
}

/** File name of the manifest, `<group>_<plural>.yaml`. */
export function crdFileName(definition: Pick<KindDefinition, 'group' | 'plural'>): string {
  return `${definition.group}_${definition.plural}.yaml`;
}

/** The manifest as a YAML document. */
export function crdYaml(manifest: CrdManifest): string {
  return `# Generated by \`npm run gen\` from src/api/schema; changes here are lost.\n${stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
