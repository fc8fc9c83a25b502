import { describe, expect, test } from '@jest/globals';
import { readHierarchies } from './cgroups.js';

const V1 = `25 21 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
28 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
29 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

describe('readHierarchies', () => {
  test('v1: below our own group in every hierarchy, joint ones once', () => {
    const found = readHierarchies(V1, '4:name=systemd:/\n3:memory:/session/7\n2:cpu,cpuacct:/\n0::/\n', () => true);
    expect(found).toEqual([
      { version: 1, controllers: ['name=systemd'], parent: '/sys/fs/cgroup/systemd' },
      { version: 1, controllers: ['memory'], parent: '/sys/fs/cgroup/memory/session/7' },
      { version: 1, controllers: ['cpu', 'cpuacct'], parent: '/sys/fs/cgroup/cpu,cpuacct' },
      { version: 2, controllers: [], parent: '/sys/fs/cgroup/unified' },
    ]);
  });

  test('a group that is not visible here (cgroup namespace) gives the mount itself', () => {
    expect(readHierarchies(V1, '3:memory:/outside\n', () => false)).toEqual([
      { version: 1, controllers: ['memory'], parent: '/sys/fs/cgroup/memory' },
    ]);
  });

  test('v2 only: below the root, since our own group holds processes', () => {
    const mountinfo = '29 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
    expect(readHierarchies(mountinfo, '0::/user.slice/session-1.scope\n', () => true)).toEqual([
      { version: 2, controllers: [], parent: '/sys/fs/cgroup' },
    ]);
  });

  test('skips hierarchies that are not mounted', () => {
    expect(readHierarchies(V1, '9:pids:/\n', () => true)).toEqual([]);
  });
});
