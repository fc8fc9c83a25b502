import type { ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, statSync, truncateSync } from 'node:fs';
import { PerdureError } from '../../domain/errors.js';
import { versionsInTree } from '../tools/index.js';
import type { MachineEvent } from './feed.js';
import { kubernetesVersionOf } from './image.js';
import { type InventoryInstance, userDataBytes } from './inventory.js';
import { type HostLog, messageOf } from './log.js';
import { endMachine, machineRuns, removeDisk, startMachine } from './machine.js';
import { assignPodCidr, attach } from './network/addresses.js';
import { ensureGateway, ensurePodRoute, removePodRoute } from './network/namespace.js';
import { machinePaths } from './paths.js';
import { type MachineAction, type MachineCaps, planMachines } from './plan.js';
import { PodRanges } from './pod-range.js';
import { type MachineRecord, readRecords, writeRecord } from './record.js';
import { renderSeed } from './seed.js';
import { raiseInotifyLimit } from './sysctl.js';
import { withCgroups } from './teardown.js';

const WATCH_MS = 1_000;
const LARGEST_CONSOLE = 16 << 20;
const START_ATTEMPTS = 2;

export interface MachinesOptions {
  readonly stateDir: string;
  readonly sandbox: string;
  readonly tree: string;
  readonly caps: MachineCaps;
  readonly log: HostLog;
  /** Makes the VPC's network, returns its namespace. */
  readonly network: (vpcId: string) => Promise<string>;
  readonly report: (instanceId: string, event: MachineEvent, message: string) => Promise<void>;
  /** Something ended or failed: look again. */
  readonly changed: () => void;
}

/** The machines of one host: one action at a time for each, all machines side by side. */
export class Machines {
  readonly #options: MachinesOptions;
  readonly #records = new Map<string, MachineRecord>();
  readonly #busy = new Map<string, Promise<void>>();
  /** Running instances that got no machine; they end as soon as the emulator has heard of it. */
  readonly #refused = new Set<string>();
  /** What the emulator has not heard yet. */
  readonly #untold = new Map<string, { event: MachineEvent; message: string }>();
  readonly #ranges = new PodRanges();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier host left: living machines as they are, dead ones as exited, half-made ones not at all. */
  async recover(): Promise<void> {
    const { stateDir, sandbox, log } = this.#options;
    for (const record of readRecords(stateDir).values()) {
      const id = record.instanceId;
      if (record.phase === 'running' && machineRuns(stateDir, record)) {
        log.info('took over machine', { instance: id, pid: record.process?.pid });
        this.#records.set(id, record);
        continue;
      }
      await endMachine(stateDir, withCgroups(record, sandbox));
      if (record.startedAt === undefined) await removeDisk(stateDir, id);
      else if (record.phase === 'running') await this.#ended(record);
      else this.#store({ ...record, phase: record.phase === 'starting' ? 'stopped' : record.phase });
    }
    this.#timer = setInterval(() => this.#look(), WATCH_MS);
    this.#timer.unref();
  }

  /** Starts, in the background, what has to be done about these instances; `changed` tells when something is done. */
  reconcile(instances: readonly InventoryInstance[]): void {
    if (this.#closed) return;
    for (const [id, { event, message }] of [...this.#untold]) void this.#tell(id, event, message);
    const phases = new Map([...this.#records].map(([id, record]) => [id, record.phase]));
    // A start that is under way has no record yet but counts.
    for (const id of this.#busy.keys()) if (!phases.has(id)) phases.set(id, 'starting');
    const running = new Set(
      instances.filter((instance) => instance.state === 'running').map((instance) => instance.id),
    );
    for (const id of this.#refused) if (!running.has(id)) this.#refused.delete(id);
    for (const action of planMachines(
      instances,
      phases,
      this.#options.caps,
      new Set([...this.#busy.keys(), ...this.#refused]),
    )) {
      const work = this.#perform(action)
        .catch((error: unknown) => {
          this.#options.log.warn('machine action failed', {
            instance: action.id,
            action: action.kind,
            reason: messageOf(error),
          });
        })
        .finally(() => {
          this.#busy.delete(action.id);
          this.#options.changed();
        });
      this.#busy.set(action.id, work);
    }
  }

  /** VPCs that still have a machine, running or not. */
  vpcIds(): Set<string> {
    return new Set([...this.#records.values()].map((record) => record.vpcId));
  }

  /** Waits for actions under way and starts no more. Machines go on running. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#busy.values());
  }

  async #perform(action: MachineAction): Promise<void> {
    const record = this.#records.get(action.id);
    switch (action.kind) {
      case 'start':
        return await this.#start(action.instance);
      case 'refuse':
        return await this.#refuse(action.id, action.reason);
      case 'settle':
        if (record) this.#store({ ...record, phase: 'stopped' });
        return;
      case 'stop':
        if (record) await this.#end(record, { ...record, phase: 'stopped' });
        this.#options.log.info('stopped machine', { instance: action.id });
        return;
      case 'remove':
        if (!record) return;
        await this.#end(record, undefined);
        this.#options.log.info('removed machine', { instance: action.id });
    }
  }

  async #start(instance: InventoryInstance): Promise<void> {
    const { log, stateDir } = this.#options;
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        return await this.#boot(instance);
      } catch (error) {
        const reason = messageOf(error);
        log.warn('cannot start machine', { instance: instance.id, attempt, reason });
        const record = this.#records.get(instance.id) ?? readRecords(stateDir).get(instance.id);
        if (record) await endMachine(stateDir, withCgroups(record, this.#options.sandbox));
        const hopeless = error instanceof PerdureError && error.type === 'InvalidConfiguration';
        if (attempt < START_ATTEMPTS && !hopeless) continue;
        if (record) this.#store({ ...record, phase: 'failed', reason });
        return await this.#refuse(instance.id, reason);
      }
    }
  }

  async #boot(instance: InventoryInstance): Promise<void> {
    const { stateDir, sandbox, tree, log } = this.#options;
    const before = this.#records.get(instance.id);
    const kubernetesVersion = kubernetesVersionOf(instance, versionsInTree(tree));
    const userData = userDataBytes(instance);
    const network = attach(instance);
    const netns = await this.#options.network(instance.vpcId);
    const podCidr = before?.podCidr || this.#podCidr(instance, userData);
    const record: MachineRecord = {
      instanceId: instance.id,
      name: instance.privateDnsName,
      vpcId: instance.vpcId,
      netns,
      ip: instance.privateIp,
      podCidr,
      kubernetesVersion,
      phase: 'starting',
      cgroups: [],
      ...(before?.startedAt ? { startedAt: before.startedAt } : {}),
    };
    // In memory at once, so that a machine started at the same time gets other pod addresses.
    this.#records.set(instance.id, record);
    raiseInotifyLimit(); // another sandbox may have ended since, and put it back
    await ensureGateway(netns, network.gatewayAddress);
    await ensurePodRoute(netns, podCidr, instance.privateIp);
    const content = { instance, seed: renderSeed(instance, userData, network), network, podCidr, kubernetesVersion };
    const started = await startMachine({ stateDir, sandbox, tree, record, content });
    this.#records.set(instance.id, started.record);
    this.#attend(instance.id, started.child);
    log.info('started machine', {
      instance: instance.id,
      ip: instance.privateIp,
      podCidr,
      kubernetes: kubernetesVersion,
      pid: started.record.process?.pid,
    });
  }

  #podCidr(instance: InventoryInstance, userData: Buffer): string {
    const taken = [...this.#records.values()].filter((r) => r.vpcId === instance.vpcId).map((r) => r.podCidr);
    return assignPodCidr(this.#ranges.rangeFor(instance.vpcId, instance.tags, userData), new Set(taken));
  }

  /** The kernel tells of a child's end at once; machines of an earlier host are looked at now and then. */
  #attend(id: string, child: ChildProcess): void {
    child.once('exit', () => this.#look(id));
    child.unref();
    // It may have ended before the listener was there.
    if (child.exitCode !== null || child.signalCode !== null) this.#look(id);
  }

  #look(only?: string): void {
    const { stateDir, log } = this.#options;
    for (const [id, record] of this.#records) {
      if (record.phase !== 'running' || this.#busy.has(id) || (only !== undefined && only !== id) || this.#closed)
        continue;
      if (machineRuns(stateDir, record)) {
        trimConsole(stateDir, id);
        continue;
      }
      const work = this.#ended(record)
        .catch((error: unknown) =>
          log.warn('cannot clean up after machine', { instance: id, reason: messageOf(error) }),
        )
        .finally(() => {
          this.#busy.delete(id);
          this.#options.changed();
        });
      this.#busy.set(id, work);
    }
  }

  /** A machine ended by itself: its instance is stopped, as after a power-off. */
  async #ended(record: MachineRecord): Promise<void> {
    const reason = 'the machine ended by itself; its console has the reason';
    this.#options.log.warn('machine ended by itself', {
      instance: record.instanceId,
      console: machinePaths(this.#options.stateDir, record.instanceId).console,
    });
    await this.#end(record, { ...record, phase: 'exited', reason });
    await this.#tell(record.instanceId, 'shutdown', reason);
  }

  /** Ends a machine; with `kept` its disk stays and that is its record, without it all is removed. */
  async #end(record: MachineRecord, kept: MachineRecord | undefined): Promise<void> {
    const { stateDir, sandbox } = this.#options;
    await endMachine(stateDir, withCgroups(record, sandbox));
    if (record.podCidr !== '') await removePodRoute(record.netns, record.podCidr);
    if (kept) {
      const { process: _gone, ...rest } = kept;
      return this.#store({ ...rest, cgroups: [] });
    }
    await removeDisk(stateDir, record.instanceId);
    this.#records.delete(record.instanceId);
  }

  async #refuse(id: string, reason: string): Promise<void> {
    this.#options.log.warn('instance gets no machine', { instance: id, reason });
    this.#refused.add(id);
    say(this.#options.stateDir, id, reason);
    // As on EC2: a launch that fails terminates the instance, a start that fails leaves it stopped, with its disk.
    await this.#tell(id, this.#records.get(id)?.startedAt === undefined ? 'died' : 'shutdown', reason);
  }

  /** Tells the emulator now, or with the next look at the world. */
  async #tell(id: string, event: MachineEvent, message: string): Promise<void> {
    this.#untold.set(id, { event, message });
    try {
      await this.#options.report(id, event, message);
      this.#untold.delete(id);
    } catch (error) {
      this.#options.log.warn('cannot report machine', { instance: id, event, reason: messageOf(error) });
    }
  }

  #store(record: MachineRecord): void {
    this.#records.set(record.instanceId, record);
    writeRecord(this.#options.stateDir, record);
  }
}

function say(stateDir: string, instanceId: string, text: string): void {
  const { dir, console } = machinePaths(stateDir, instanceId);
  if (existsSync(dir)) appendFileSync(console, `\nmachine host: ${text}\n`, { mode: 0o600 });
}

/** Machines write their console in append mode, so it can be emptied under them. */
function trimConsole(stateDir: string, instanceId: string): void {
  const { console } = machinePaths(stateDir, instanceId);
  const size = statSync(console, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LARGEST_CONSOLE) truncateSync(console, 0);
}
