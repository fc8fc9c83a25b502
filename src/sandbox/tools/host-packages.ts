import { readFile } from 'node:fs/promises';
import { PerdureError } from '../../domain/errors.js';
import type { ToolContext } from './context.js';
import { findOnPath, run } from './run.js';

/** A program that has to be on the machine Perdure's sandbox runs on. */
export interface HostPackage {
  readonly program: string;
  /** Debian's name of the package that has it. */
  readonly package: string;
  readonly why: string;
}

/** What the sandbox needs from the system so that machines can be built and booted. */
export const hostPackages: readonly HostPackage[] = [
  { program: 'mmdebstrap', package: 'mmdebstrap', why: "makes the machines' root tree" },
  { program: 'systemd-nspawn', package: 'systemd-container', why: 'boots a machine' },
  { program: 'ip', package: 'iproute2', why: "makes the machines' network" },
  { program: 'iptables', package: 'iptables', why: "translates addresses of the machines' network" },
  { program: 'nft', package: 'nftables', why: "filters the machines' network" },
  { program: 'conntrack', package: 'conntrack', why: 'forgets connections of machines that are gone' },
  { program: 'setpriv', package: 'util-linux', why: 'ends build steps with the process that started them' },
  { program: 'unshare', package: 'util-linux', why: 'keeps mounts private' },
  { program: 'nsenter', package: 'util-linux', why: 'starts machines inside their network' },
];

/** The entries of `wanted` whose program is not on PATH. */
export async function missingHostPackages(
  ctx: Pick<ToolContext, 'env'>,
  wanted: readonly HostPackage[] = hostPackages,
): Promise<HostPackage[]> {
  const found = await Promise.all(wanted.map(({ program }) => findOnPath(program, withSystemDirs(ctx.env))));
  return wanted.filter((_, index) => found[index] === undefined);
}

/** The command that installs the packages on Debian and its descendants. */
export function installCommand(packages: readonly HostPackage[]): string {
  return `apt-get install -y --no-install-recommends ${packageNames(packages).join(' ')}`;
}

/** Who the process is and what it runs on; a parameter so that tests need no root. */
export interface Host {
  readonly isRoot: boolean;
  readonly isDebian: boolean;
}

/**
 * Installs the missing packages with apt-get, after saying which, when this is root on Debian or a descendant. Otherwise fails with
 * `InvalidConfiguration` and the command to run. Does nothing when all are there.
 */
export async function ensureHostPackages(
  ctx: ToolContext,
  wanted: readonly HostPackage[] = hostPackages,
  host?: Host,
): Promise<void> {
  const missing = await missingHostPackages(ctx, wanted);
  if (missing.length === 0) return;
  const { isRoot, isDebian } = host ?? (await thisHost());
  const reasons = missing.map(({ package: name, why }) => `${name} (${why})`).join(', ');
  if (!isRoot || !isDebian) {
    const remedy = isDebian
      ? `run as root: ${installCommand(missing)}`
      : 'install them with the package manager of this system';
    throw new PerdureError('InvalidConfiguration', `missing system packages: ${reasons}; ${remedy}`);
  }
  ctx.progress?.(`installing system packages: ${reasons}`);
  const options = { env: { ...withSystemDirs(ctx.env), DEBIAN_FRONTEND: 'noninteractive' }, signal: ctx.signal };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packageNames(missing)];
  try {
    await run('apt-get', install, options);
  } catch {
    // Most likely no package lists yet, or old ones.
    await run('apt-get', ['update', '-q'], options);
    await run('apt-get', install, options);
  }
}

function packageNames(packages: readonly HostPackage[]): string[] {
  return [...new Set(packages.map(({ package: name }) => name))].sort();
}

/** Users that are not root often have no sbin directories on PATH, yet the programs are there. */
function withSystemDirs(env: ToolContext['env']): Record<string, string | undefined> {
  return { ...env, PATH: [env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':') };
}

async function thisHost(): Promise<Host> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return { isRoot: process.getuid?.() === 0, isDebian: /^ID(_LIKE)?=.*\bdebian\b/m.test(release) };
}
