import type {
  Cluster,
  JoinConfiguration,
  KubeadmConfig,
  KubeadmFile,
  KubeadmUser,
  Machine,
} from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import {
  type CertificatePems,
  certificateFiles,
  controlPlaneCertificates,
} from '../../domain/bootstrap/certificate-set.js';
import {
  type BootstrapFile,
  type BootstrapUser,
  type KubeadmStep,
  renderCloudConfig,
} from '../../domain/bootstrap/cloud-config.js';
import type { TemplateData } from '../../domain/bootstrap/file-template.js';
import { resolvedFile } from '../../domain/bootstrap/files.js';
import { renderIgnition } from '../../domain/bootstrap/ignition.js';
import {
  clusterConfigurationFor,
  initConfigurationFor,
  joinConfigurationFor,
  kubeadmYaml,
} from '../../domain/bootstrap/kubeadm-config.js';
import { hostPort, kubeadmApiFor } from '../../domain/bootstrap/kubeadm-version.js';
import { endpointOf } from '../../domain/contract.js';
import { PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { type Secret, secretBytes } from './secrets.js';

/** What rendering needs; everything is read before, so that the text depends on nothing else. */
export interface RenderInput {
  readonly kube: Kube;
  readonly cluster: Cluster;
  readonly machine: Machine;
  readonly config: KubeadmConfig;
  readonly certificates: CertificatePems;
  readonly template: TemplateData;
  readonly signal: AbortSignal;
}

/** Bytes a Secret can hold in all its values. Source: kubernetes core/v1 MaxSecretSize. */
const SECRET_LIMIT = 1 << 20;

/** User data for the first control plane machine. */
export async function renderInit(input: RenderInput): Promise<string> {
  const { cluster, machine, config } = input;
  const { clusterConfiguration = {}, initConfiguration } = config.spec ?? {};
  const api = kubeadmApiFor(nameOf('machine', machine), 'spec.version', machine.spec.version);
  const endpoint = endpointOf(cluster);
  const { pods, services, serviceDomain } = cluster.spec.clusterNetwork ?? {};
  const controlPlaneEndpoint = clusterConfiguration.controlPlaneEndpoint || (endpoint && hostPort(endpoint));
  const full = clusterConfigurationFor(
    api,
    { ...clusterConfiguration, ...(controlPlaneEndpoint ? { controlPlaneEndpoint } : {}) },
    {
      clusterName: cluster.metadata.name,
      kubernetesVersion: machine.spec.version,
      dnsDomain: serviceDomain,
      serviceSubnet: services?.cidrBlocks.join(','),
      podSubnet: pods?.cidrBlocks.join(','),
      controlPlaneComponentHealthCheckSeconds: initConfiguration?.timeouts?.controlPlaneComponentHealthCheckSeconds,
    },
  );
  return await render(input, certificateFiles(controlPlaneCertificates(clusterConfiguration), input.certificates), {
    command: 'init',
    clusterConfiguration: kubeadmYaml(full),
    initConfiguration: kubeadmYaml(initConfigurationFor(api, initConfiguration)),
  });
}

/** User data for a machine that joins; `extraFiles` are written after the user's. */
export async function renderJoin(
  input: RenderInput,
  join: JoinConfiguration,
  role: 'control-plane' | 'worker',
  extraFiles: readonly BootstrapFile[],
): Promise<string> {
  const { machine, config, certificates } = input;
  const api = kubeadmApiFor(nameOf('machine', machine), 'spec.version', machine.spec.version);
  const places = role === 'control-plane' ? controlPlaneCertificates(config.spec?.clusterConfiguration) : [];
  const step: KubeadmStep = { command: 'join', joinConfiguration: kubeadmYaml(joinConfigurationFor(api, join)) };
  return await render(input, certificateFiles(places, certificates), step, extraFiles);
}

async function render(
  input: RenderInput,
  certificates: readonly BootstrapFile[],
  kubeadm: KubeadmStep,
  extraFiles: readonly BootstrapFile[] = [],
): Promise<string> {
  const { config } = input;
  const spec = config.spec ?? {};
  const files = await Promise.all((spec.files ?? []).map((file, index) => fileOf(input, file, index)));
  const users = await Promise.all((spec.users ?? []).map((user, index) => userOf(input, user, index)));
  const parts = { kubeadm, files: [...certificates, ...files, ...extraFiles], users, spec };
  const text =
    formatOf(config) === 'ignition'
      ? renderIgnition({ ...parts, what: nameOf('KubeadmConfig', config) })
      : renderCloudConfig(parts);
  checkSize(config, text, files);
  return text;
}

/** The format of the user data, which the bootstrap Secret names too. */
export function formatOf({ spec }: KubeadmConfig): 'cloud-config' | 'ignition' {
  return spec?.format === 'ignition' ? 'ignition' : 'cloud-config';
}

async function fileOf(input: RenderInput, file: KubeadmFile, index: number): Promise<BootstrapFile> {
  const field = `spec.files[${index}]`;
  const what = `${nameOf('KubeadmConfig', input.config)}: ${field} (${file.path})`;
  const secret = file.contentFrom?.secret;
  const bytes = secret && (await secretValue(input, `${field}.contentFrom.secret`, secret));
  return resolvedFile(what, file, bytes, input.template);
}

async function userOf(input: RenderInput, user: KubeadmUser, index: number): Promise<BootstrapUser> {
  const { passwdFrom, ...rest } = user;
  if (passwdFrom === undefined) return rest;
  const passwd = await secretValue(input, `spec.users[${index}].passwdFrom.secret`, passwdFrom.secret);
  return { ...rest, passwd: passwd.toString('utf8') };
}

/** A Secret of the config's own namespace; no other can be named. */
async function secretValue(input: RenderInput, field: string, ref: { name: string; key: string }): Promise<Buffer> {
  const { kube, config, signal } = input;
  const namespace = config.metadata.namespace ?? '';
  const secret = await kube.get<Secret>(KINDS.Secret, { namespace, name: ref.name }, signal);
  // not for good: who makes the Secret need not touch the Machine as well
  const missing = (part: string, value: string, problem: string): PerdureError =>
    new PerdureError('NotFound', `${nameOf('KubeadmConfig', config)}: ${field}.${part} "${value}": ${problem}`, {
      details: { field: `${field}.${part}`, value },
    });
  if (secret === undefined) {
    throw missing(
      'name',
      ref.name,
      `secret ${namespace}/${ref.name} does not exist; create it or correct the reference`,
    );
  }
  const bytes = secretBytes(secret, ref.key);
  if (bytes === undefined) {
    throw missing('key', ref.key, `secret ${namespace}/${ref.name} has no such key; add it or correct the reference`);
  }
  return bytes;
}

function checkSize(config: KubeadmConfig, text: string, files: readonly BootstrapFile[]): void {
  const size = Buffer.byteLength(text);
  // Beside the text the Secret holds its format.
  if (size + 'cloud-config'.length <= SECRET_LIMIT) return;
  const sizes = files.map((file, index) => ({ index, path: file.path, bytes: Buffer.byteLength(file.content) }));
  const largest = sizes.sort((a, b) => b.bytes - a.bytes)[0];
  const field = largest ? `spec.files[${largest.index}]` : 'spec';
  const part = largest ? `; the largest part is ${field} (${largest.path}) with ${largest.bytes} bytes` : '';
  throw new PerdureError(
    'InvalidConfiguration',
    `${nameOf('KubeadmConfig', config)}: the bootstrap data has ${size} bytes, more than the ${SECRET_LIMIT} a Secret can hold${part}; ` +
      'put large files into the machine image or fetch them in preKubeadmCommands',
    { details: { field, size } },
  );
}

/** `machine default/demo-1`: how errors name an object. */
export function nameOf(kind: string, object: { metadata: { namespace?: string; name: string } }): string {
  return `${kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
