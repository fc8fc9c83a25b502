import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { CheckConfig, TargetConfig } from './protocol.js';

/** Checks a target once. */
export type Probe = (target: TargetConfig, check: CheckConfig) => Promise<boolean>;

/** TCP: a connection opens. HTTP(S): status 200–399; certificates are not verified, as on AWS. */
export const probe: Probe = async (target, check) => {
  const port = check.port ?? target.port;
  return check.kind === 'tcp'
    ? await probeTcp(target.ip, port, check.timeoutMs)
    : await probeHttp(target.ip, port, check);
};

async function probeTcp(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

async function probeHttp(host: string, port: number, check: CheckConfig): Promise<boolean> {
  return await new Promise((resolve) => {
    const options = { host, port, path: check.path, method: 'GET', timeout: check.timeoutMs, agent: false };
    const request =
      check.kind === 'https' ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    const end = (healthy: boolean) => {
      request.destroy();
      resolve(healthy);
    };
    request.on('response', (response) => {
      response.resume();
      end((response.statusCode ?? 0) >= 200 && (response.statusCode ?? 0) < 400);
    });
    request.on('timeout', () => end(false));
    request.on('error', () => end(false));
    request.end();
  });
}

/** Counts results the way a load balancer does. The first result decides at once, later ones have to reach their threshold. */
export class HealthCounter {
  #healthy: boolean | undefined;
  #streak = 0;

  get healthy(): boolean | undefined {
    return this.#healthy;
  }

  /** Takes a result; true when the verdict changed. */
  take(result: boolean, check: Pick<CheckConfig, 'healthyThreshold' | 'unhealthyThreshold'>): boolean {
    if (this.#healthy === result) {
      this.#streak = 0;
      return false;
    }
    this.#streak++;
    const needed = this.#healthy === undefined ? 1 : result ? check.healthyThreshold : check.unhealthyThreshold;
    if (this.#streak < needed) return false;
    this.#healthy = result;
    this.#streak = 0;
    return true;
  }
}

/** Watches the targets of one listener until closed. */
export class HealthWatch {
  readonly #probe: Probe;
  readonly #changed: (target: TargetConfig, healthy: boolean) => void;
  readonly #watched = new Map<string, { counter: HealthCounter; timer: NodeJS.Timeout | undefined }>();
  #check: CheckConfig;

  constructor(check: CheckConfig, changed: (target: TargetConfig, healthy: boolean) => void, use: Probe = probe) {
    this.#check = check;
    this.#changed = changed;
    this.#probe = use;
  }

  healthy(target: TargetConfig): boolean {
    return this.#watched.get(watchKey(target))?.counter.healthy === true;
  }

  /** New set of targets; those that stay keep their verdict. Returns the ones that are gone. */
  update(targets: readonly TargetConfig[], check: CheckConfig): string[] {
    this.#check = check;
    const wanted = new Map(targets.map((target) => [watchKey(target), target]));
    const gone = [...this.#watched.keys()].filter((key) => !wanted.has(key));
    for (const key of gone) this.#forget(key);
    for (const [key, target] of wanted) {
      if (this.#watched.has(key)) continue;
      this.#watched.set(key, { counter: new HealthCounter(), timer: undefined });
      void this.#round(key, target);
    }
    return gone;
  }

  close(): void {
    for (const key of [...this.#watched.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    clearTimeout(this.#watched.get(key)?.timer);
    this.#watched.delete(key);
  }

  async #round(key: string, target: TargetConfig): Promise<void> {
    const entry = this.#watched.get(key);
    if (!entry) return;
    const result = await this.#probe(target, this.#check);
    if (this.#watched.get(key) !== entry) return;
    if (entry.counter.take(result, this.#check)) this.#changed(target, result);
    entry.timer = setTimeout(() => void this.#round(key, target), this.#check.intervalMs);
  }
}

function watchKey(target: TargetConfig): string {
  return `${target.id}|${target.ip}:${target.port}`;
}
