import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { FLATCAR_NODE, FLAVOURS, INFRASTRUCTURE, NAME, type Patch, type Spec } from './flavours.js';
import { type Loose, yamlOf } from './templates.js';

const BASE = fileURLToPath(new URL('../../../src/cli/templates/cluster-template.yaml', import.meta.url));

/** The template of a flavour, as upstream would publish it. */
export async function templateOf(name: string): Promise<string> {
  const documents = parseAllDocuments(await readFile(BASE, 'utf8')).map((document) => document.toJS() as Loose);
  const flavour = FLAVOURS[name] ?? {};
  const [cluster, aws, controlPlane, controlPlaneTemplate, workers, workerTemplate, workerConfig] = documents as [
    ...[Loose, Loose, Loose, Loose, Loose, Loose, Loose],
  ];
  const { labels, ...clusterSpec } = (flavour.cluster ?? {}) as Spec;
  if (labels) Object.assign(cluster.metadata, { labels });
  patch(cluster, clusterSpec);
  patch(aws, flavour.aws);
  patch(controlPlane, {
    ...flavour.controlPlane,
    kubeadmConfigSpec: { ...(flavour.controlPlane?.['kubeadmConfigSpec'] as Spec), ...flavour.bootstrap },
  });
  patch(workers, flavour.workers);
  patch(controlPlaneTemplate, {
    template: { spec: merged(flavour.machines ?? {}, flavour.controlPlaneMachines ?? {}) },
  });
  patch(workerTemplate, { template: { spec: merged(flavour.machines ?? {}, flavour.workerMachines ?? {}) } });
  patch(workerConfig, { template: { spec: flavour.bootstrap ?? {} } });
  if (flavour.bootstrap) asFlatcar(controlPlane, workerConfig);
  if (name === 'md-remediation')
    patch(workers, { template: { metadata: { labels: { 'e2e.remediation.label': '' } } } });
  const rest = flavour.pool
    ? poolOf(workers, workerTemplate, workerConfig, flavour.pool)
    : [workers, workerTemplate, workerConfig];
  const all = [cluster, aws, controlPlane, controlPlaneTemplate, ...rest, ...(flavour.extra ?? [])];
  for (const object of all as Loose[]) delete object.metadata.namespace;
  // Numbers come from variables, and must not become text.
  return yamlOf(all).replaceAll(/"?(\$\{(?:CONTROL_PLANE|WORKER)_MACHINE_COUNT[^}"]*\})"?/g, '$1');
}

function asFlatcar(controlPlane: Loose, workerConfig: Loose): void {
  patch(controlPlane, {
    kubeadmConfigSpec: {
      initConfiguration: { nodeRegistration: FLATCAR_NODE },
      joinConfiguration: { nodeRegistration: FLATCAR_NODE },
    },
  });
  patch(workerConfig, { template: { spec: { joinConfiguration: { nodeRegistration: FLATCAR_NODE } } } });
}

/** The workers as a pool: their machine template becomes the launch template, their config template a config. */
function poolOf(workers: Loose, template: Loose, config: Loose, change: Patch): Loose[] {
  const spec = workers['spec'] as Spec & { template: { spec: Spec } };
  const machine = ((template['spec'] as Spec)['template'] as Spec)['spec'] as Spec;
  const { ignition, ...launch } = machine;
  const name = `${NAME}-mp-0`;
  const ref = (kind: string, apiVersion: string) => ({ kind, apiVersion, name });
  const pool: Loose = {
    apiVersion: INFRASTRUCTURE,
    kind: 'AWSMachinePool',
    metadata: { name },
    spec: { minSize: 1, maxSize: 4, ...(ignition ? { ignition } : {}), awsLaunchTemplate: launch },
  };
  patch(pool, change);
  return [
    {
      apiVersion: workers.apiVersion,
      kind: 'MachinePool',
      metadata: { name },
      spec: {
        clusterName: NAME,
        replicas: spec['replicas'],
        template: {
          spec: {
            ...spec.template.spec,
            bootstrap: { configRef: ref('KubeadmConfig', config.apiVersion) },
            infrastructureRef: ref('AWSMachinePool', INFRASTRUCTURE),
          },
        },
      },
    },
    pool,
    {
      apiVersion: config.apiVersion,
      kind: 'KubeadmConfig',
      metadata: { name },
      spec: ((config['spec'] as Spec)['template'] as Spec)['spec'] as Spec,
    },
  ];
}

function patch(object: Loose, change: Patch | undefined): void {
  object['spec'] = merged((object['spec'] ?? {}) as Spec, change ?? {});
}

function merged(base: Patch, change: Patch): Spec {
  const out: Spec = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const before = out[key];
    if (value === undefined) delete out[key];
    else out[key] = isMap(before) && isMap(value) ? merged(before, value) : value;
  }
  return out;
}

const isMap = (value: unknown): value is Spec => typeof value === 'object' && value !== null && !Array.isArray(value);
