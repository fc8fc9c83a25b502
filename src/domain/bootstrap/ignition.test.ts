import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { type IgnitionInput, renderIgnition } from './ignition.js';

type Named = {
  readonly name?: string;
  readonly path?: string;
  readonly contents?: { readonly source: string } | string;
};

const input = (over: Partial<IgnitionInput> = {}): IgnitionInput => ({
  what: 'KubeadmConfig default/c',
  kubeadm: { command: 'join', joinConfiguration: 'kind: JoinConfiguration\n' },
  files: [],
  users: [],
  spec: {},
  ...over,
});
const rendered = (over: Partial<IgnitionInput> = {}) => JSON.parse(renderIgnition(input(over)));
const file = (config: { storage: { files: Named[] } }, path: string) =>
  config.storage.files.find((one) => one.path === path);
const textOf = (one: Named | undefined): string => {
  const source = typeof one?.contents === 'object' ? one.contents.source : '';
  return Buffer.from(source.replace('data:;base64,', ''), 'base64').toString();
};
const unit = (config: { systemd: { units: Named[] } }, name: string) =>
  config.systemd.units.find((one) => one.name === name);

describe('the Ignition config of a machine', () => {
  test('runs kubeadm once, between the user’s commands, and says so', () => {
    const config = rendered({
      kubeadm: { command: 'init', clusterConfiguration: 'a: 1\n', initConfiguration: 'b: 2\n' },
      spec: { preKubeadmCommands: ['echo before'], postKubeadmCommands: ['echo after'], verbosity: 5 },
    });
    expect(config.ignition).toEqual({ version: '2.3.0' });
    expect(unit(config, 'kubeadm.service')).toMatchObject({
      enabled: true,
      contents: expect.stringMatching(
        /ConditionPathExists=\/etc\/kubeadm\.yml[\s\S]*ExecStart=\/bin\/bash \/etc\/kubeadm\.sh/,
      ),
    });
    expect(textOf(file(config, '/etc/kubeadm.yml'))).toBe('---\na: 1\n---\nb: 2\n');
    const script = textOf(file(config, '/etc/kubeadm.sh'));
    execFileSync('bash', ['-n'], { input: script });
    expect(script.split('\n').filter(Boolean)).toEqual([
      '#!/bin/bash',
      'set -e',
      'echo before',
      'kubeadm init --config /etc/kubeadm.yml --v 5',
      'mkdir -p /run/cluster-api && echo success > /run/cluster-api/bootstrap-success.complete',
      'mv /etc/kubeadm.yml /tmp/',
      'echo after',
    ]);
  });

  test('has files, users, clock, disks and mounts', () => {
    const config = rendered({
      files: [
        { path: '/etc/a', content: 'text', owner: 'core:docker', permissions: '0640' },
        { path: '/etc/b', content: 'AAE=', encoding: 'base64', append: true },
      ],
      users: [
        { name: 'me', sudo: 'ALL=(ALL) NOPASSWD:ALL', groups: 'wheel, docker', sshAuthorizedKeys: ['ssh-ed25519 x'] },
      ],
      spec: {
        ntp: { servers: ['time.example.com'] },
        diskSetup: {
          partitions: [{ device: '/dev/xvdb', layout: true, overwrite: true }],
          filesystems: [{ device: '/dev/xvdb', filesystem: 'ext4', label: 'etcd_disk' }],
        },
        mounts: [['LABEL=etcd_disk', '/var/lib/etcd-data']],
      },
    });
    expect(file(config, '/etc/a')).toMatchObject({ mode: 0o640, user: { name: 'core' }, group: { name: 'docker' } });
    expect(file(config, '/etc/b')).toMatchObject({ append: true, contents: { source: 'data:;base64,AAE=' } });
    expect(config.passwd.users).toEqual([
      { name: 'me', groups: ['wheel', 'docker'], sshAuthorizedKeys: ['ssh-ed25519 x'] },
    ]);
    expect(textOf(file(config, '/etc/sudoers.d/me'))).toBe('me ALL=(ALL) NOPASSWD:ALL\n');
    expect(textOf(file(config, '/etc/systemd/timesyncd.conf.d/10-cluster-api.conf'))).toContain('NTP=time.example.com');
    expect(config.storage.disks).toEqual([{ device: '/dev/xvdb', wipeTable: true, partitions: [{ number: 1 }] }]);
    expect(config.storage.filesystems).toEqual([
      { name: 'etcd_disk', mount: { device: '/dev/xvdb', format: 'ext4', label: 'etcd_disk' } },
    ]);
    expect(unit(config, 'var-lib-etcd\\x2ddata.mount')).toMatchObject({
      contents: expect.stringContaining('What=/dev/disk/by-label/etcd_disk\nWhere=/var/lib/etcd-data'),
    });
  });

  test.each<[string, Partial<IgnitionInput>, string]>([
    ['packed files', { files: [{ path: '/a', content: 'x', encoding: 'gzip' }] }, 'spec.files[].encoding'],
    [
      'shares of a disk',
      { spec: { diskSetup: { partitions: [{ device: '/dev/b', diskLayout: [{ percentage: 50 }] }] } } },
      'spec.diskSetup.partitions[0].diskLayout',
    ],
  ])('cannot hold %s, and says which field', (_, over, field) => {
    expect(() => rendered(over)).toThrow(
      expect.objectContaining({ type: 'InvalidConfiguration', details: expect.objectContaining({ field }) }),
    );
  });
});

describe('additional configuration', () => {
  const withAdditional = (additionalConfig: string, strict = false) =>
    rendered({ spec: { ignition: { containerLinuxConfig: { additionalConfig, strict } } } });

  test('adds files, users and drop-ins to what is generated', () => {
    const config = withAdditional(`
systemd:
  units:
    - name: kubeadm.service
      enabled: true
      dropins:
        - name: 10-flatcar.conf
          contents: |
            [Unit]
            Requires=coreos-metadata.service
    - name: locksmithd.service
      mask: true
storage:
  files:
    - path: /etc/hello
      mode: 0644
      contents:
        inline: hi
    - path: /opt/bin/tool
      contents:
        remote:
          url: https://example.com/tool
          verification: { hash: { function: sha512, sum: abc } }
  links:
    - path: /etc/localtime
      target: /usr/share/zoneinfo/UTC
passwd:
  users:
    - name: core
      ssh_authorized_keys: [ssh-ed25519 y]
`);
    expect(config.systemd.units.filter((one: Named) => one.name === 'kubeadm.service')).toEqual([
      {
        name: 'kubeadm.service',
        enabled: true,
        contents: expect.stringContaining('ExecStart'),
        dropins: [{ name: '10-flatcar.conf', contents: '[Unit]\nRequires=coreos-metadata.service\n' }],
      },
    ]);
    expect(unit(config, 'locksmithd.service')).toEqual({ name: 'locksmithd.service', mask: true });
    expect(textOf(file(config, '/etc/hello'))).toBe('hi');
    expect(file(config, '/opt/bin/tool')).toMatchObject({
      filesystem: 'root',
      contents: { source: 'https://example.com/tool', verification: { hash: { function: 'sha512', sum: 'abc' } } },
    });
    expect(config.storage.links).toEqual([
      { filesystem: 'root', path: '/etc/localtime', target: '/usr/share/zoneinfo/UTC' },
    ]);
    expect(config.passwd.users).toEqual([{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 y'] }]);
    expect(file(config, '/etc/kubeadm.sh')).toBeDefined();
  });

  test('with members that nobody knows is taken without them, or refused where it is to be strict', () => {
    const text = 'systemd:\n  units:\n    - name: a.service\n      colour: red\n';
    expect(unit(withAdditional(text), 'a.service')).toEqual({ name: 'a.service' });
    expect(() => withAdditional(text, true)).toThrow('systemd.units[0].colour is unknown');
  });

  test.each([
    ['etcd: {version: 3}', /section "etcd" is not supported/],
    ['a: [', /is not YAML, line 1/],
    ['- a', /the document must be a map/],
    ['systemd: {units: {a: 1}}', /systemd\.units must be a list/],
    ['storage: {files: [{path: /a, contents: {nothing: 1}}]}', /storage\.files\[0\]\.contents needs inline/],
  ])('%s is refused, naming the field and not the text', (text, message) => {
    expect(() => withAdditional(text)).toThrow(message);
    expect(() => withAdditional(text)).toThrow(/additionalConfig/);
  });
});
