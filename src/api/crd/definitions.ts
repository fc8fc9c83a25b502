import { awsDefinitions } from './aws-definitions.js';
import { coreDefinitions } from './core-definitions.js';
import type { KindDefinition } from './definition.js';
import { type CrdManifest, crdManifest, DEFAULT_CLIENT_CONFIG, type WebhookClientConfig } from './generate.js';
import { kubeadmDefinitions } from './kubeadm-definitions.js';

/** Every kind that Perdure installs. A provider adds its own list here. */
export const definitions: readonly KindDefinition[] = [...coreDefinitions, ...kubeadmDefinitions, ...awsDefinitions];

/** The definition of a kind, or undefined for a kind that is not ours. */
export function definitionOf(group: string, kind: string): KindDefinition | undefined {
  return definitions.find((d) => d.group === group && d.kind === kind);
}

/** All CustomResourceDefinitions, for an API server that reaches the conversion webhook at `clientConfig`. */
export function crdManifests({
  clientConfig = DEFAULT_CLIENT_CONFIG,
}: {
  readonly clientConfig?: WebhookClientConfig;
} = {}): CrdManifest[] {
  return definitions.map((definition) => crdManifest(definition, clientConfig));
}
