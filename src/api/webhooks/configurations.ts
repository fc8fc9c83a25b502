import { KINDS } from '../types/kinds.js';
import type { KubeObject, ResourceKind } from '../types/meta.js';
import { KIND_WEBHOOKS, mutatePath, SCALE_PATH, validatePath } from './registry.js';

/** Where the API server reaches the webhooks: a base URL, or a Service. */
export interface WebhookTarget {
  readonly url?: string;
  readonly service?: { readonly name: string; readonly namespace: string; readonly port?: number };
  /** PEM in base64; leave out when it is injected. */
  readonly caBundle?: string;
}

export interface WebhookRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly string[];
  readonly resources: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
}

export interface WebhookEntry {
  readonly name: string;
  readonly clientConfig: Record<string, unknown>;
  readonly rules: readonly WebhookRule[];
  readonly admissionReviewVersions: readonly string[];
  readonly failurePolicy: 'Fail';
  readonly matchPolicy: 'Equivalent';
  readonly sideEffects: 'None';
  readonly timeoutSeconds: number;
}

/** A MutatingWebhookConfiguration or ValidatingWebhookConfiguration, admissionregistration.k8s.io/v1. */
export interface WebhookConfiguration extends KubeObject {
  kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  webhooks: WebhookEntry[];
}

const TIMEOUT_SECONDS = 10;

function clientConfig({ url, service, caBundle }: WebhookTarget, path: string): Record<string, unknown> {
  const where = url === undefined ? { service: { ...service, path } } : { url: `${url.replace(/\/$/, '')}${path}` };
  return { ...where, ...(caBundle === undefined ? {} : { caBundle }) };
}

interface EntryInput {
  readonly kind: ResourceKind;
  readonly prefix: string;
  readonly path: string;
  readonly operations: readonly string[];
  readonly resource: string;
}

/** Rules name the stored version only: matchPolicy Equivalent makes the API server convert requests of other versions first. */
function entry(target: WebhookTarget, { kind, prefix, path, operations, resource }: EntryInput): WebhookEntry {
  return {
    name: `${prefix}.${kind.kind.toLowerCase()}.${kind.group}`,
    clientConfig: clientConfig(target, path),
    rules: [
      {
        apiGroups: [kind.group],
        apiVersions: [kind.version],
        operations,
        resources: [resource],
        scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      },
    ],
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: TIMEOUT_SECONDS,
  };
}

const WRITES = ['CREATE', 'UPDATE'];

/** The two configurations that make the API server ask for defaults and verdicts of every kind. Pure; apply them as they are. */
export function webhookConfigurations(target: WebhookTarget): WebhookConfiguration[] {
  const mutating = KIND_WEBHOOKS.filter((webhook) => webhook.default).map(({ kind }) =>
    entry(target, { kind, prefix: 'default', path: mutatePath(kind), operations: WRITES, resource: kind.plural }),
  );
  const validating = KIND_WEBHOOKS.map(({ kind, validateDelete }) => {
    const operations = validateDelete ? [...WRITES, 'DELETE'] : WRITES;
    return entry(target, { kind, prefix: 'validation', path: validatePath(kind), operations, resource: kind.plural });
  });
  const kind = KINDS.KubeadmControlPlane;
  const scale = entry(target, {
    kind,
    prefix: 'validation-scale',
    path: SCALE_PATH,
    operations: ['UPDATE'],
    resource: `${kind.plural}/scale`,
  });
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'perdure-mutating-webhook-configuration' },
      webhooks: mutating,
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'perdure-validating-webhook-configuration' },
      webhooks: [...validating, scale],
    },
  ];
}
