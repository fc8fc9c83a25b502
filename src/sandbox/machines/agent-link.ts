import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { AgentConfig, FromAgent, ToAgent } from './agent/protocol.js';
import type { HealthEntry } from './feed.js';
import { netnsPath } from './network/namespace.js';
import { kill } from './processes.js';

const RESTART_MS = 500;

/** A listening address on the host for one listener of a load balancer. */
export interface HostListener {
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

export interface AgentEvents {
  health(entries: readonly HealthEntry[]): void;
  trouble(message: string): void;
}

export interface AgentLinkOptions {
  readonly netns: string;
  /** host:port of the emulator. */
  readonly emulator: { readonly host: string; readonly port: number };
  readonly logFile: string;
  readonly events: AgentEvents;
}

/** The agent of one namespace: keeps it running, keeps it told, lends it sockets of the host. */
export class AgentLink {
  readonly #options: AgentLinkOptions;
  #child: ChildProcess | undefined;
  #config: AgentConfig | undefined;
  #listeners: readonly HostListener[] = [];
  /** Listeners the present agent has been given. */
  readonly #lent = new Set<string>();
  #forward: Server | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;
  #ready = false;
  #applied: (() => void)[] = [];

  constructor(options: AgentLinkOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the agent runs and has taken a configuration. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Sends a configuration; resolves once it is in place, or the agent has ended. */
  async configure(config: AgentConfig, listeners: readonly HostListener[]): Promise<void> {
    this.#config = config;
    this.#listeners = listeners;
    const applied = new Promise<void>((resolve) => this.#applied.push(resolve));
    if (this.#ready) this.#push();
    await applied;
  }

  /** Ends the agent and waits until it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#forward?.close();
    for (const resolve of this.#applied.splice(0)) resolve();
    const child = this.#child;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    kill(child.pid, 'SIGKILL');
    await ended;
  }

  #start(): void {
    if (this.#closed) return;
    const log = openSync(this.#options.logFile, 'a', 0o600);
    const child = spawn('nsenter', [`--net=${netnsPath(this.#options.netns)}`, process.execPath, agentScript()], {
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child = child;
    child.on('message', (message, handle) => this.#heard(message as FromAgent, handle));
    child.on('error', (error) => this.#options.events.trouble(`agent of ${this.#options.netns}: ${error.message}`));
    child.on('exit', (code, signal) => this.#ended(code, signal));
  }

  #ended(code: number | null, signal: string | null): void {
    this.#ready = false;
    this.#lent.clear();
    this.#forward?.close();
    this.#forward = undefined;
    // Nobody waits for an agent that keeps ending; the next one gets the configuration when it is up.
    for (const resolve of this.#applied.splice(0)) resolve();
    if (this.#closed) return;
    this.#options.events.trouble(
      `agent of ${this.#options.netns} ended (${signal ?? code}); see ${this.#options.logFile}`,
    );
    this.#restart = setTimeout(() => this.#start(), RESTART_MS);
  }

  #heard(message: FromAgent, handle: unknown): void {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        if (this.#config) this.#push();
        return;
      case 'applied':
        this.#lendListeners();
        for (const resolve of this.#applied.splice(0)) resolve();
        return;
      case 'health':
        this.#options.events.health(message.entries);
        return;
      case 'trouble':
        this.#options.events.trouble(`agent of ${this.#options.netns}: ${message.message}`);
        return;
      case 'emulator':
        if (handle instanceof Server) this.#forwardToEmulator(handle);
    }
  }

  #push(): void {
    if (this.#config) this.#send({ type: 'config', config: this.#config });
  }

  #send(message: ToAgent, handle?: Server, done: () => void = () => undefined): void {
    if (this.#child?.connected === true) this.#child.send(message, handle, {}, done);
    else done();
  }

  #lendListeners(): void {
    const wanted = new Set(this.#listeners.map((listener) => listener.key));
    for (const key of this.#lent) if (!wanted.has(key)) this.#lent.delete(key);
    for (const listener of this.#listeners) if (!this.#lent.has(listener.key)) this.#lend(listener);
  }

  /** Opens the socket here, in the host's network, and lets the agent accept on it: no byte passes through this process. */
  #lend({ key, address, port }: HostListener): void {
    this.#lent.add(key);
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error) => {
      this.#lent.delete(key);
      this.#options.events.trouble(`cannot listen on ${address}:${port} for ${key}: ${error.message}`);
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      this.#send({ type: 'listener', key }, server, () => server.close());
    });
  }

  /** Connections to the emulator's address in the namespace arrive here and go on to the emulator. */
  #forwardToEmulator(server: Server): void {
    this.#forward = server;
    server.on('error', () => undefined); // out of descriptors: the machine tries again
    server.on('connection', (socket: Socket) => {
      const upstream = connect(this.#options.emulator);
      socket.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
      upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(upstream);
      upstream.pipe(socket);
    });
  }
}

/** The agent's program. It is compiled: a host run from TypeScript sources (tests) starts the built one. */
function agentScript(): string {
  const beside = fileURLToPath(new URL('./agent/main.js', import.meta.url));
  return import.meta.url.endsWith('.ts') ? beside.replace('/src/sandbox/', '/dist/sandbox/') : beside;
}
