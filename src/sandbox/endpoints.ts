import { PerdureError } from '../domain/errors.js';
import { runningProcess } from './component.js';
import { readJson, writeAtomic } from './files.js';
import type { Endpoints, Layout } from './layout.js';
import { freePorts, portTrouble } from './ports.js';

/** Parts whose port people may choose. */
export type PortName = 'apiServer' | 'temporal' | 'ui' | 'aws';
export type Ports = Partial<Record<PortName, number>>;

/** The option of `perdure up` for each of them. */
export const PORT_OPTIONS: Readonly<Record<PortName, string>> = {
  apiServer: '--api-port',
  temporal: '--temporal-port',
  ui: '--ui-port',
  aws: '--aws-port',
};

const PREFIXES: Readonly<Record<keyof Endpoints, string>> = {
  apiServer: 'https://',
  etcd: 'http://',
  etcdPeer: 'http://',
  controllerManager: '',
  temporal: '',
  ui: 'http://',
  aws: 'http://',
  webhooks: 'https://',
  bridgeHealth: 'http://',
  workerHealth: 'http://',
};
const NAMES = Object.keys(PREFIXES) as (keyof Endpoints)[];

/** Port of an address or URL. */
export const portOf = (endpoint: string): number => Number(/:(\d+)$/.exec(endpoint)?.[1] ?? 0);

/** The ports that were asked for, as pairs. */
function asked(ports: Ports): [PortName, number][] {
  return (Object.keys(PORT_OPTIONS) as PortName[]).flatMap((name) => {
    const port = ports[name];
    return port === undefined ? [] : [[name, port] as [PortName, number]];
  });
}

/** Throws `Conflict` naming the option when a port is asked for twice, or is not free; `own` ones are not looked at. */
export async function requirePorts(ports: Ports, own: ReadonlySet<number> = new Set()): Promise<void> {
  const seen = new Map<number, string>();
  for (const [name, port] of asked(ports)) {
    const option = PORT_OPTIONS[name];
    const other = seen.get(port);
    if (other) throw new PerdureError('InvalidConfiguration', `${other} and ${option} are both ${port}; change one`);
    seen.set(port, option);
    const trouble = own.has(port) ? undefined : await portTrouble(port);
    if (trouble) throw new PerdureError('Conflict', `port ${port} of ${option} ${trouble}; choose another port`);
  }
}

/** Throws `Conflict` when a running sandbox has other ports than those asked for. */
export function requireSamePorts(ports: Ports, running: Endpoints): void {
  for (const [name, port] of asked(ports)) {
    const now = portOf(running[name]);
    if (now !== port) {
      throw new PerdureError(
        'Conflict',
        `the sandbox runs already, with port ${now} where ${PORT_OPTIONS[name]} asks for ${port}; stop it with 'perdure down --keep' first`,
      );
    }
  }
}

/**
 * Addresses of all parts. Ports are chosen once per state directory and kept, so that kubeconfigs stay valid over restarts; one that was asked for
 * replaces a kept one, and a kept one that somebody else has taken meanwhile is replaced too, after saying so.
 */
export async function chooseEndpoints(
  layout: Layout,
  ports: Ports,
  say: (line: string) => void = () => undefined,
): Promise<Endpoints> {
  const kept = (await readJson<Partial<Endpoints>>(layout.endpoints)) ?? {};
  const own = await ownPorts(layout, kept);
  await requirePorts(ports, own);
  const chosen = new Map<keyof Endpoints, number>(asked(ports));
  for (const name of NAMES) {
    const before = portOf(kept[name] ?? '');
    if (chosen.has(name) || before === 0 || [...chosen.values()].includes(before)) continue;
    const trouble = own.has(before) ? undefined : await portTrouble(before);
    if (trouble) say(`port ${before} of ${name} ${trouble}; taking another`);
    else chosen.set(name, before);
  }
  const missing = NAMES.filter((name) => !chosen.has(name));
  const free = await freePorts(missing.length, new Set(chosen.values()));
  for (const [i, name] of missing.entries()) chosen.set(name, free[i] ?? 0);
  const entries = NAMES.map((name) => [name, `${PREFIXES[name]}127.0.0.1:${chosen.get(name)}`]);
  const endpoints = Object.fromEntries(entries) as Record<keyof Endpoints, string>;
  await writeAtomic(layout.endpoints, JSON.stringify(endpoints, null, 2), 0o644);
  return endpoints;
}

/** The port of the emulated cloud while it runs on: it is kept over a restart of the rest. */
async function ownPorts(layout: Layout, kept: Partial<Endpoints>): Promise<Set<number>> {
  const running = await runningProcess(layout, 'emulated-aws');
  return new Set(running ? [portOf(kept.aws ?? '')] : []);
}
