import { createHash } from 'node:crypto';
import type { KubeadmConfig } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import { controllerOf, isControlPlaneMachine, ownerReference } from '../../domain/contract.js';
import { isFailure, notYet, PerdureError, TERMINAL_FAILURES } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import { ensureCertificates, readCertificates } from './certificates.js';
import { acquireInitLock, releaseInitLock, releaseInitLockOf } from './init-lock.js';
import { completedJoin, isInitialized, templateData } from './join.js';
import { formatOf, nameOf, renderInit, renderJoin } from './render.js';
import {
  BOOTSTRAP_MANAGER,
  clusterSecret,
  createOrRead,
  ensureController,
  type Secret,
  secretBytes,
} from './secrets.js';
import { type ConfigStatus, type Readiness, writeConfigStatus } from './status.js';
import type { BootstrapDeps, BootstrapSubject } from './subject.js';

export interface BootstrapData {
  readonly dataSecretName: string;
  /** Hex digest of the user data; secret-free. */
  readonly sha256: string;
}

const TRUE: Readiness = { state: 'true' };

/**
 * Makes a machine's bootstrap data exist: decides between `kubeadm init` and `kubeadm join`, renders once, stores the Secret (named as the
 * config), and writes the config's status. Data that exists is never rendered again, so running this twice, or after a kill at any line, gives
 * the same Secret. Throws `NotYet` while the machine has to wait (infrastructure, endpoint, control plane, another machine's init), and
 * `InvalidConfiguration` naming the field where the user has to act. Source: capi bootstrap/kubeadm/reconcilers/kubeadmconfig.
 */
export async function ensureBootstrapData(deps: BootstrapDeps, subject: BootstrapSubject): Promise<BootstrapData> {
  const done = await existingData(deps, subject);
  if (done !== undefined) return done;
  const report = new Report(deps, subject.config);
  try {
    const text = await renderedData(deps, subject, report);
    return await storeData(deps, subject, text, report);
  } catch (error) {
    deps.scope().signal.throwIfAborted();
    await report.failed(error);
    throw error;
  }
}

/** Data rendered before: its Secret is adopted and the status, which a move or a crash may have lost, is written again. */
async function existingData(deps: BootstrapDeps, subject: BootstrapSubject): Promise<BootstrapData | undefined> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const { config, machine } = subject;
  const { namespace = '' } = config.metadata;
  const recorded = machine.spec.bootstrap.dataSecretName || config.status?.dataSecretName;
  const name = recorded || config.metadata.name;
  const secret = await kube.get<Secret>(KINDS.Secret, { namespace, name }, signal);
  if (secret === undefined) {
    if (!recorded) return undefined;
    throw new PerdureError(
      'NotFound',
      `secret ${namespace}/${name} with the bootstrap data of ${nameOf('machine', machine)} is missing; restore it, or delete the machine to have it replaced`,
      { details: { secret: `${namespace}/${name}` } },
    );
  }
  if (!recorded && !belongsTo(secret, config)) return undefined;
  // A Secret that some other object controls was given by name: it is used, not taken.
  const controller = controllerOf(secret);
  if (controller === undefined || controller.kind === 'KubeadmConfig')
    await ensureController(kube, secret, config, subject.cluster.metadata.name, signal);
  await writeConfigStatus(
    kube,
    config,
    { dataSecret: TRUE, certificates: TRUE, dataSecretName: name },
    new Date(deps.now()),
    signal,
  );
  return { dataSecretName: name, sha256: digest(secretBytes(secret, 'value') ?? Buffer.alloc(0)) };
}

/** False for the leftover of a former config of that name, which the garbage collector has not reached. Throws for somebody else's Secret. */
function belongsTo(secret: Secret, config: KubeadmConfig): boolean {
  const controller = controllerOf(secret);
  if (controller?.uid === config.metadata.uid) return true;
  if (controller?.kind === 'KubeadmConfig' && controller.name === config.metadata.name) return false;
  throw new PerdureError(
    'OwnershipConflict',
    `${nameOf('secret', secret)} has the name of the bootstrap data of ${nameOf('KubeadmConfig', config)}, but ` +
      `${controller ? `belongs to ${controller.kind} ${controller.name}` : 'has no controller'}; delete or rename it`,
  );
}

async function renderedData(deps: BootstrapDeps, subject: BootstrapSubject, report: Report): Promise<string> {
  const { cluster, machine } = subject;
  if (cluster.status?.initialization?.infrastructureProvisioned !== true) {
    throw report.wait(
      'WaitingForClusterInfrastructure',
      `waiting for the infrastructure of ${nameOf('cluster', cluster)} to be provisioned`,
    );
  }
  if (isInitialized(cluster)) {
    await releaseInitLock({ kube: deps.kube, cluster, signal: deps.scope().signal });
    return await joinData(deps, subject, report);
  }
  if (!isControlPlaneMachine(machine)) {
    throw report.wait(
      'WaitingForControlPlaneAvailable',
      `waiting for the control plane of ${nameOf('cluster', cluster)} to be initialized`,
    );
  }
  return await initData(deps, subject, report);
}

async function initData(deps: BootstrapDeps, subject: BootstrapSubject, report: Report): Promise<string> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const { cluster, machine, config } = subject;
  const lock = await acquireInitLock({ kube, cluster, machine, signal });
  if (!lock.held) {
    throw report.wait(
      'WaitingForControlPlaneAvailable',
      `waiting for machine ${lock.holder} to initialize the control plane`,
    );
  }
  try {
    const configuration = config.spec?.clusterConfiguration;
    // With a control plane object its lane makes the certificates; standalone control plane machines have nobody else.
    const certificates = await report.certificates(() =>
      cluster.spec.controlPlaneRef
        ? readCertificates({ kube, cluster, configuration, initialized: false, signal })
        : ensureCertificates({
            kube,
            cluster,
            configuration,
            owner: config,
            initialized: false,
            now: new Date(deps.now()),
            signal,
          }),
    );
    const template = await templateData(kube, cluster, config, signal);
    return await renderInit({ kube, cluster, machine, config, certificates, template, signal });
  } catch (error) {
    // Only what cannot be repaired by trying again frees the lock: a second machine must not start over while this one may yet go on.
    if (error instanceof PerdureError && TERMINAL_FAILURES.has(error.type))
      await releaseInitLockOf({ kube, cluster, machine, signal });
    throw error;
  }
}

async function joinData(deps: BootstrapDeps, subject: BootstrapSubject, report: Report): Promise<string> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const { cluster, machine, config } = subject;
  const role = isControlPlaneMachine(machine) ? 'control-plane' : 'worker';
  if (role === 'worker' && config.spec?.joinConfiguration?.controlPlane !== undefined) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${nameOf('KubeadmConfig', config)}: spec.joinConfiguration.controlPlane is set, but ${nameOf('machine', machine)} is a worker; remove it`,
      { details: { field: 'spec.joinConfiguration.controlPlane' } },
    );
  }
  const configuration = config.spec?.clusterConfiguration;
  const certificates = await report.certificates(() =>
    readCertificates(
      { kube, cluster, configuration, initialized: true, signal },
      role === 'worker' ? ['ca'] : undefined,
    ),
  );
  const completed = await completedJoin(deps, subject, role, certificates);
  const template = await templateData(kube, cluster, config, signal);
  const input = { kube, cluster, machine, config, certificates, template, signal };
  return await renderJoin(input, completed.join, role, completed.files);
}

async function storeData(
  deps: BootstrapDeps,
  subject: BootstrapSubject,
  text: string,
  report: Report,
): Promise<BootstrapData> {
  const { kube } = deps;
  const { signal } = deps.scope();
  const { cluster, config } = subject;
  const { namespace = '', name } = config.metadata;
  const owner = ownerReference(config, { controller: true });
  const wanted = clusterSecret({ namespace, name }, cluster.metadata.name, owner, {
    value: text,
    format: formatOf(config),
  });
  const { secret, created } = await createOrRead(kube, wanted, signal);
  const stored = created || belongsTo(secret, config) ? secret : await replaceLeftover(kube, wanted, config, signal);
  await report.done(name);
  return { dataSecretName: name, sha256: digest(secretBytes(stored, 'value') ?? Buffer.alloc(0)) };
}

/** Takes over the Secret of a former config of the same name in one write, so that the garbage collector finds it owned again. */
async function replaceLeftover(
  kube: Kube,
  wanted: Secret,
  config: KubeadmConfig,
  signal: AbortSignal,
): Promise<Secret> {
  const stored = await kube.modify<Secret>(
    KINDS.Secret,
    wanted.metadata,
    (current) =>
      belongsTo(current, config)
        ? undefined
        : { ...current, ...wanted, metadata: { ...current.metadata, ...wanted.metadata } },
    { fieldManager: BOOTSTRAP_MANAGER, signal },
  );
  if (stored === undefined)
    throw new PerdureError('Transient', `${nameOf('secret', wanted)} was removed while it was being replaced`);
  return stored;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Keeps the config's conditions in step with what happens. */
class Report {
  readonly #deps: BootstrapDeps;
  readonly #config: KubeadmConfig;
  #certificates: Readiness | undefined;
  #waiting: Readiness | undefined;

  constructor(deps: BootstrapDeps, config: KubeadmConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** A `NotYet` whose reason the conditions will carry. */
  wait(reason: string, message: string): PerdureError {
    this.#waiting = { state: 'waiting', reason, message };
    return notYet(message);
  }

  async certificates<T>(read: () => Promise<T>): Promise<T> {
    try {
      const certificates = await read();
      this.#certificates = TRUE;
      return certificates;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const state = isFailure(error, 'NotYet') ? 'waiting' : 'failed';
      this.#certificates = {
        state,
        reason: state === 'waiting' ? 'WaitingForControlPlaneAvailable' : 'CertificatesCorrupted',
        message,
      };
      throw error;
    }
  }

  async failed(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const waiting =
      this.#waiting ??
      (isFailure(error, 'NotYet')
        ? { state: 'waiting', reason: 'WaitingForControlPlaneAvailable', message }
        : undefined);
    await this.#write({ dataSecret: waiting ?? { state: 'failed', reason: 'DataSecretGenerationFailed', message } });
  }

  async done(dataSecretName: string): Promise<void> {
    await this.#write({ dataSecret: TRUE, dataSecretName });
  }

  async #write(status: ConfigStatus): Promise<void> {
    const { kube, now, scope } = this.#deps;
    const certificates = status.dataSecretName ? TRUE : this.#certificates;
    await writeConfigStatus(kube, this.#config, { ...status, certificates }, new Date(now()), scope().signal);
  }
}
