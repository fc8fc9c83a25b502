import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { MACHINE_HOST_PACKAGES } from './packages.js';

/** Something the host lacks for machines to boot, and what to do about it. */
export interface HostProblem {
  readonly problem: string;
  readonly remedy: string;
}

const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 } as const;
const OVERLAYFS_MAGIC = 0x794c7630;
const NO_MACHINES = 'or run without machines (--machines=none)';

/** What the check looks at; the default reads the host. */
export interface HostFacts {
  readonly platform: string;
  readonly uid: number;
  /** Effective capabilities, a bit each. */
  readonly capabilities: bigint;
  readonly programs: ReadonlySet<string>;
  readonly filesystems: ReadonlySet<string>;
  readonly cgroups: boolean;
  /** Magic number of the state directory's file system. */
  readonly stateFilesystem: number;
}

/** Everything that is missing for machines on this host; empty when they can boot. Changes nothing. */
export function checkHost(
  stateDir: string,
  tree: string | undefined,
  facts: HostFacts = readFacts(stateDir),
): HostProblem[] {
  if (facts.platform !== 'linux') {
    return [
      { problem: `machines need Linux, this is ${facts.platform}`, remedy: `use a Linux machine, ${NO_MACHINES}` },
    ];
  }
  return [
    ...checkRights(facts),
    ...checkPrograms(facts),
    ...checkKernel(stateDir, facts),
    ...checkTree(stateDir, tree),
  ];
}

function checkRights(facts: HostFacts): HostProblem[] {
  if (facts.uid !== 0) {
    return [
      {
        problem: 'machines need root: they mount, make network namespaces and boot systemd',
        remedy: `run perdure up as root, ${NO_MACHINES}`,
      },
    ];
  }
  const missing = Object.entries(CAPABILITIES).filter(([, bit]) => (facts.capabilities & (1n << BigInt(bit))) === 0n);
  if (missing.length === 0) return [];
  const names = missing.map(([name]) => name).join(', ');
  return [
    { problem: `root lacks ${names} here`, remedy: `in a container, start it with --privileged, ${NO_MACHINES}` },
  ];
}

function checkPrograms(facts: HostFacts): HostProblem[] {
  return MACHINE_HOST_PACKAGES.filter(({ program }) => !facts.programs.has(program)).map((needed) => ({
    problem: `${needed.program} is missing: it ${needed.why}`,
    remedy: `apt-get install ${needed.package}`,
  }));
}

function checkKernel(stateDir: string, facts: HostFacts): HostProblem[] {
  const problems: HostProblem[] = [];
  if (!facts.filesystems.has('overlay')) {
    problems.push({ problem: 'the kernel has no overlay file system', remedy: 'modprobe overlay' });
  }
  if (!facts.cgroups) {
    problems.push({ problem: 'no cgroup file system is mounted', remedy: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup' });
  }
  if (facts.stateFilesystem === OVERLAYFS_MAGIC) {
    problems.push({
      problem: `state directory ${stateDir} is on an overlay file system, which cannot hold the layers of another`,
      remedy: 'put --dir on a volume or a disk',
    });
  }
  if (/[:,\\]/.test(stateDir)) {
    problems.push({
      problem: `state directory ${stateDir} has a colon, comma or backslash in its name, which mount cannot take`,
      remedy: 'use another --dir',
    });
  }
  return problems;
}

function checkTree(stateDir: string, tree: string | undefined): HostProblem[] {
  if (tree === undefined) return [];
  if (/[:,\\]/.test(tree))
    return [
      {
        problem: `machine tree ${tree} has a colon, comma or backslash in its name, which mount cannot take`,
        remedy: 'move it',
      },
    ];
  if (existsSync(join(tree, 'usr/lib/systemd/systemd'))) return [];
  return [
    {
      problem: `${tree} holds no system that boots`,
      remedy: `build the machine tree first (perdure up does; state is in ${stateDir})`,
    },
  ];
}

function readFacts(stateDir: string): HostFacts {
  const status = readText('/proc/self/status');
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`),
    programs: new Set(MACHINE_HOST_PACKAGES.map(({ program }) => program).filter(onPath)),
    filesystems: new Set(
      readText('/proc/filesystems')
        .split('\n')
        .map((line) => line.split('\t')[1] ?? ''),
    ),
    cgroups: / - cgroup2? /.test(readText('/proc/self/mountinfo')),
    stateFilesystem: statfsSync(nearestExisting(stateDir)).type,
  };
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function onPath(program: string): boolean {
  return SEARCH_PATH.some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false; // not in this directory
    }
  });
}

/** The fixed path machines are started with; the user's own may lack the sbin directories. */
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'.split(delimiter);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // not on Linux, or /proc is not mounted: the checks that need it fail
  }
}
