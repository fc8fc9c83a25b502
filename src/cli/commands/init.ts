import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { providerLabels } from '../../api/crd/definition.js';
import { crdManifests } from '../../api/crd/definitions.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../api/types/meta.js';
import { webhookConfigurations } from '../../api/webhooks/configurations.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import { type GlobalOptions, withKube } from '../lib/connect.js';
import { examples } from '../lib/options.js';
import { command, show, table } from '../lib/output.js';
import { rbacManifests } from '../lib/rbac.js';

interface InitOptions extends GlobalOptions {
  readonly webhookUrl?: string;
  readonly webhookCaFile?: string;
  readonly dryRun?: boolean;
}

/** Kinds of the objects `init` installs, in the order they are applied. */
export const INSTALL_KINDS: Readonly<Record<string, ResourceKind>> = {
  Namespace: KINDS.Namespace,
  CustomResourceDefinition: KINDS.CustomResourceDefinition,
  ServiceAccount: { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  ClusterRole: {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    namespaced: false,
  },
  ClusterRoleBinding: {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
  },
  Service: { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  MutatingWebhookConfiguration: {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'MutatingWebhookConfiguration',
    plural: 'mutatingwebhookconfigurations',
    namespaced: false,
  },
  ValidatingWebhookConfiguration: {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    namespaced: false,
  },
};

interface WebhookTarget {
  readonly url: string;
  readonly caBundle: string;
}

/** Marks an object as Perdure's, so that clusterctl and people find all of them; what the object says itself stays. */
function labelled(object: KubeObject): KubeObject {
  const labels = { ...providerLabels('perdure'), ...object.metadata.labels };
  return { ...object, metadata: { ...object.metadata, labels } };
}

/** Everything a management cluster needs for Perdure: namespace, CRDs, RBAC, webhook registrations. */
export function components(target: WebhookTarget | undefined): KubeObject[] {
  const webhook = target ? { clientConfig: { url: `${target.url}/convert`, caBundle: target.caBundle } } : {};
  const admission = target ?? {
    service: { name: 'perdure-webhook-service', namespace: 'perdure-system' },
    caBundle: '',
  };
  const objects: KubeObject[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'perdure-system' } },
    ...(crdManifests(webhook) as unknown as KubeObject[]),
    ...rbacManifests(),
    ...webhookConfigurations(admission),
  ];
  return objects.map(labelled);
}

/** Where the API server reaches the webhooks, from both options or none. */
async function targetOf({ webhookUrl, webhookCaFile }: InitOptions): Promise<WebhookTarget | undefined> {
  if (webhookUrl === undefined && webhookCaFile === undefined) return undefined;
  if (webhookUrl === undefined || webhookCaFile === undefined) {
    throw new PerdureError(
      'InvalidConfiguration',
      '--webhook-url and --webhook-ca-file go together: the API server must trust the certificate it is sent to',
    );
  }
  const ca = await readFile(webhookCaFile).catch((error: Error) => {
    throw new PerdureError('InvalidConfiguration', `cannot read --webhook-ca-file: ${error.message}`);
  });
  return { url: webhookUrl.replace(/\/$/, ''), caBundle: ca.toString('base64') };
}

/** Applies the objects in their order; doing it again changes nothing. */
export async function install(kube: Pick<KubeClient, 'apply'>, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const kind = INSTALL_KINDS[object.kind];
    if (!kind) throw new PerdureError('Bug', `init does not know how to install a ${object.kind}`);
    await kube.apply(kind, object as KubeObject & Record<string, unknown>, { fieldManager: 'perdure-init' });
  }
}

async function init(options: InitOptions): Promise<void> {
  const objects = components(await targetOf(options));
  if (options.dryRun) {
    show(options.output, objects, () =>
      objects
        .map((o) => stringify(o))
        .join('---\n')
        .trimEnd(),
    );
    return;
  }
  await withKube(options, (kube) => install(kube, objects));
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  show(
    options.output,
    objects.map((o) => ({ kind: o.kind, name: o.metadata.name })),
    () =>
      table(
        ['KIND', 'INSTALLED'],
        [...counts].map(([k, n]) => [k, String(n)]),
      ),
  );
}

/** `init`. */
export function registerInit(program: Command): void {
  program
    .command('init')
    .description('install CRDs, RBAC and webhook registrations into a management cluster')
    .option(
      '--webhook-url <url>',
      'where the API server reaches the webhooks; default: Service perdure-webhook-service',
    )
    .option('--webhook-ca-file <file>', 'CA of their certificate')
    .option('--dry-run', 'print the manifests instead')
    .addHelpText(
      'after',
      examples('perdure init --kubeconfig mgmt.kubeconfig', 'perdure init --dry-run > components.yaml'),
    )
    .action((_l: unknown, cmd: Command) => command(() => init(cmd.optsWithGlobals())));
}
