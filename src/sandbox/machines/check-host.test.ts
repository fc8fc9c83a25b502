import { describe, expect, test } from '@jest/globals';
import { checkHost, type HostFacts } from './check-host.js';
import { MACHINE_HOST_PACKAGES } from './packages.js';

const GOOD: HostFacts = {
  platform: 'linux',
  uid: 0,
  capabilities: (1n << 41n) - 1n,
  programs: new Set(MACHINE_HOST_PACKAGES.map(({ program }) => program)),
  filesystems: new Set(['overlay', 'ext4']),
  cgroups: true,
  stateFilesystem: 0xef53,
};

describe('checkHost', () => {
  test.each<[string, Partial<HostFacts>, string[]]>([
    ['nothing is missing', {}, []],
    ['another system', { platform: 'darwin', uid: 501 }, ['machines need Linux, this is darwin']],
    ['an ordinary user', { uid: 1000 }, ['machines need root']],
    [
      'a container with few rights',
      { capabilities: 1n << 12n },
      ['root lacks CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_MKNOD here'],
    ],
    ['missing programs', { programs: new Set(['ip', 'nsenter', 'unshare', 'mount']) }, ['systemd-nspawn is missing']],
    ['no overlay', { filesystems: new Set(['ext4']) }, ['the kernel has no overlay']],
    ['no cgroups', { cgroups: false }, ['no cgroup file system']],
    ['state on an overlay', { stateFilesystem: 0x794c7630 }, ['is on an overlay file system']],
  ])('%s', (_name, changes, problems) => {
    const found = checkHost('/var/lib/x', undefined, { ...GOOD, ...changes });
    expect(found.map(({ problem }) => problem)).toEqual(problems.map((text) => expect.stringContaining(text)));
    expect(found.every(({ remedy }) => remedy !== '')).toBe(true);
  });

  test('paths that mount cannot take, and a tree without a system, are refused', () => {
    expect(checkHost('/a:b', '/c,d', GOOD).map(({ problem }) => problem)).toEqual([
      expect.stringContaining('/a:b has a colon'),
      expect.stringContaining('/c,d has a colon'),
    ]);
    expect(checkHost('/a', '/nonexistent/tree', GOOD)).toEqual([
      { problem: '/nonexistent/tree holds no system that boots', remedy: expect.any(String) },
    ]);
  });
});
