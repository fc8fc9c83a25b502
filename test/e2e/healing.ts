import type { Machine } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { Condition } from '../../src/api/types/meta.js';
import { findCondition } from '../../src/domain/conditions.js';
import { isControlPlaneMachine } from '../../src/domain/contract.js';
import { KUBERNETES_VERSION } from '../../src/sandbox/tools/index.js';
import { applyCluster, inCloud, machinesOf, NAMESPACE, settled, type Wanted } from './cluster.js';
import { type EtcdWatch, watchEtcd } from './etcd.js';
import { healthCheck } from './heal-objects.js';
import { create } from './objects.js';
import { type Happening, type Recorder, recordMachines } from './recorder.js';
import { startTestSandbox, type TestSandbox, until } from './sandbox.js';

/** The cluster that is healed: three and two. */
export const NAME = 'heal';
export const WANTED: Wanted = {
  name: NAME,
  controlPlane: 3,
  workers: 2,
  versions: { controlPlane: KUBERNETES_VERSION, workers: KUBERNETES_VERSION },
};
/** Within this all is well again. */
export const HEAL_SECONDS = 900;
/** For people who watch. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The condition of that type of a Machine. */
export const conditionOf = (machine: Machine | undefined, type: string): Condition | undefined =>
  findCondition(machine?.status?.conditions as Condition[] | undefined, type);

/** A cluster with health checks, all of it watched. */
export class Healing {
  readonly sandbox: TestSandbox;
  /** What was in the cloud before the cluster. */
  readonly before: readonly string[];
  readonly etcd: EtcdWatch;
  readonly recorder: Recorder;

  private constructor(sandbox: TestSandbox, before: readonly string[], etcd: EtcdWatch, recorder: Recorder) {
    this.sandbox = sandbox;
    this.before = before;
    this.etcd = etcd;
    this.recorder = recorder;
  }

  /** Everything up to a cluster that runs; `started` is told of the sandbox at once, so that it is stopped whatever happens. */
  static async start(started: (sandbox: TestSandbox) => void): Promise<Healing> {
    const sandbox = await startTestSandbox({ machines: 'native', cloudDelay: 1_000, say });
    started(sandbox);
    const before = await inCloud(sandbox);
    await applyCluster(sandbox, WANTED);
    await settled(sandbox, WANTED, say, 1_500);
    await create(sandbox.kube, [
      healthCheck(NAME, 'workers', { 'cluster.x-k8s.io/deployment-name': `${NAME}-md-0` }),
      healthCheck(NAME, 'control-plane', { 'cluster.x-k8s.io/control-plane': '' }),
    ]);
    const etcd = await watchEtcd(sandbox.layout, 1_000);
    return new Healing(sandbox, before, etcd, await recordMachines(sandbox.kube, NAMESPACE, NAME));
  }

  async stop(): Promise<void> {
    await this.etcd.stop();
    await this.recorder.stop();
  }

  /** Up to here things happened before what comes. */
  get mark(): number {
    return this.recorder.happenings.length;
  }

  creations(from: number): Happening[] {
    return this.recorder.happenings.slice(from).filter(({ what }) => what === 'created');
  }

  /** What began to go since, with what was held against it. */
  deletions(from: number): Happening[] {
    return this.recorder.happenings.slice(from).filter(({ what }) => what === 'deleting');
  }

  async pick(role: Happening['role']): Promise<Machine> {
    const machines = await machinesOf(this.sandbox.kube, NAME);
    const found = machines.find((m) => isControlPlaneMachine(m) === (role === 'control plane'));
    if (!found) throw new Error(`there is no ${role} Machine`);
    return found;
  }

  machine(name: string): Promise<Machine | undefined> {
    return this.sandbox.kube.get<Machine>(KINDS.Machine, { namespace: NAMESPACE, name });
  }

  /** Waits until a Machine is gone. */
  gone(name: string): Promise<true> {
    const look = async (): Promise<true | undefined> => ((await this.machine(name)) ? undefined : true);
    return until(`the end of Machine ${name}`, look, { seconds: HEAL_SECONDS });
  }

  /** Waits until the cluster is as it is to be. */
  settled(): Promise<Machine[]> {
    return settled(this.sandbox, WANTED, say, HEAL_SECONDS);
  }

  async changeCheck(name: string, spec: object): Promise<void> {
    await this.sandbox.kube.mergePatch(KINDS.MachineHealthCheck, { namespace: NAMESPACE, name }, { spec });
  }

  async setStartup(check: string, nodeStartupTimeoutSeconds: number): Promise<void> {
    await this.changeCheck(check, { checks: { nodeStartupTimeoutSeconds } });
  }
}
