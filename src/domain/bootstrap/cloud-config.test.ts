import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { certificateFiles, controlPlaneCertificates } from './certificate-set.js';
import { type BootstrapInput, renderCloudConfig } from './cloud-config.js';

const join = { command: 'join', joinConfiguration: 'kind: JoinConfiguration\n' } as const;
const render = (input: Partial<BootstrapInput>) =>
  renderCloudConfig({ kubeadm: join, files: [], users: [], spec: {}, ...input });
const decoded = (input: Partial<BootstrapInput>) => parse(render(input)) as Record<string, never>;

const PLACEHOLDER = {
  path: '/run/cluster-api/placeholder',
  owner: 'root:root',
  permissions: '0640',
  content:
    'This placeholder file is used to create the /run/cluster-api sub directory in a way that is compatible with both Linux and Windows (mkdir -p /run/cluster-api does not work with Windows)',
};

describe('renderCloudConfig', () => {
  test('every field', () => {
    const text = render({
      kubeadm: {
        command: 'init',
        clusterConfiguration: 'kind: ClusterConfiguration\n',
        initConfiguration: 'kind: InitConfiguration\n',
      },
      files: [
        {
          path: '/etc/a',
          content: 'line\n',
          owner: 'root:root',
          permissions: '0600',
          encoding: 'gzip+base64',
          append: true,
        },
        { path: '/etc/b', content: 'x: {{ ds.meta_data["x"] }}' },
        { path: '/etc/c', content: '', append: false },
      ],
      users: [
        {
          name: 'admin',
          gecos: 'Full Name',
          groups: 'sudo,docker',
          homeDir: '/home/admin',
          inactive: true,
          shell: '/bin/bash',
          passwd: '$6$hash',
          primaryGroup: 'admin',
          lockPassword: false,
          sudo: 'ALL=(ALL) NOPASSWD:ALL',
          sshAuthorizedKeys: ['ssh-ed25519 AAAA a@b'],
        },
        { name: 'on' },
      ],
      spec: {
        bootCommands: ['echo "boot"'],
        preKubeadmCommands: ['hostname "{{ ds.meta_data.hostname }}"', 'echo 1 > /proc/sys/x'],
        postKubeadmCommands: ['echo done'],
        verbosity: 5,
        ntp: { enabled: false, servers: ['0.pool.ntp.org'] },
        diskSetup: {
          partitions: [
            { device: '/dev/sdb', layout: true, overwrite: false, tableType: 'gpt' },
            {
              device: '/dev/sdc',
              diskLayout: [
                { percentage: 33 },
                { percentage: 33, partitionType: 'LinuxSwap' },
                { percentage: 34, partitionType: 'NTFS' },
              ],
            },
          ],
          filesystems: [
            {
              device: '/dev/sdb',
              filesystem: 'ext4',
              label: 'data',
              partition: 'auto',
              overwrite: true,
              replaceFS: 'ntfs',
              extraOpts: ['-E', 'lazy_itable_init=1'],
            },
            { device: '/dev/sdc', filesystem: 'xfs', partition: '1' },
          ],
        },
        mounts: [['LABEL=data', '/data', 'ext4', 'defaults', '0', '2']],
      },
    });
    expect(text.startsWith('## template: jinja\n#cloud-config\n')).toBe(true);
    expect(parse(text)).toEqual({
      write_files: [
        {
          path: '/etc/a',
          encoding: 'gzip+base64',
          owner: 'root:root',
          permissions: '0600',
          append: true,
          content: 'line\n',
        },
        { path: '/etc/b', content: 'x: {{ ds.meta_data["x"] }}\n' },
        { path: '/etc/c', content: '' },
        {
          path: '/run/kubeadm/kubeadm.yaml',
          owner: 'root:root',
          permissions: '0640',
          content: '---\nkind: ClusterConfiguration\n---\nkind: InitConfiguration\n',
        },
        PLACEHOLDER,
      ],
      bootcmd: ['echo "boot"'],
      runcmd: [
        'hostname "{{ ds.meta_data.hostname }}"',
        'echo 1 > /proc/sys/x',
        'kubeadm init --config /run/kubeadm/kubeadm.yaml --v 5 && echo success > /run/cluster-api/bootstrap-success.complete',
        'echo done',
      ],
      ntp: { enabled: false, servers: ['0.pool.ntp.org'] },
      users: [
        {
          name: 'admin',
          passwd: '$6$hash',
          gecos: 'Full Name',
          groups: 'sudo,docker',
          homedir: '/home/admin',
          inactive: true,
          lock_passwd: false,
          shell: '/bin/bash',
          primary_group: 'admin',
          sudo: 'ALL=(ALL) NOPASSWD:ALL',
          ssh_authorized_keys: ['ssh-ed25519 AAAA a@b'],
        },
        { name: 'on' },
      ],
      disk_setup: {
        '/dev/sdb': { table_type: 'gpt', layout: true, overwrite: false },
        '/dev/sdc': { layout: [33, [33, 82], [34, '07']] },
      },
      fs_setup: [
        {
          label: 'data',
          filesystem: 'ext4',
          device: '/dev/sdb',
          partition: 'auto',
          overwrite: true,
          replace_fs: 'ntfs',
          extra_opts: ['-E', 'lazy_itable_init=1'],
        },
        { filesystem: 'xfs', device: '/dev/sdc', partition: 1 },
      ],
      mounts: [['LABEL=data', '/data', 'ext4', 'defaults', '0', '2']],
    });
  });

  test('the smallest one only joins', () => {
    expect(decoded({})).toEqual({
      write_files: [
        {
          path: '/run/kubeadm/kubeadm-join-config.yaml',
          owner: 'root:root',
          permissions: '0640',
          content: '---\nkind: JoinConfiguration\n',
        },
        PLACEHOLDER,
      ],
      runcmd: [
        'kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml && echo success > /run/cluster-api/bootstrap-success.complete',
      ],
    });
  });

  test('permissions and words of YAML 1.1 are quoted for its parser', () => {
    const text = render({
      files: [{ path: '/a', content: 'x', permissions: '0640' }],
      users: [{ name: 'on', groups: 'yes' }],
    });
    expect(text).toContain('permissions: "0640"');
    expect(text).toContain('name: "on"');
    expect(text).toContain('groups: "yes"');
  });

  test('Jinja in commands and files is never escaped', () => {
    const jinja = `{{ ds.meta_data['instance-id'] | default("x") }}`;
    const text = render({
      files: [{ path: '/a', content: `a\n${jinja}\n` }],
      spec: { preKubeadmCommands: [jinja, `echo '${jinja}'`] },
    });
    expect(text.split(jinja)).toHaveLength(4);
  });

  test('any content and command comes back, text files ended by a newline', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1 }), (content, commands) => {
        const data = decoded({
          files: [{ path: '/f', content }],
          spec: { preKubeadmCommands: commands },
        }) as unknown as {
          write_files: [{ content: string }];
          runcmd: string[];
        };
        expect(data.write_files[0].content).toBe(content === '' || content.endsWith('\n') ? content : `${content}\n`);
        expect(data.runcmd.slice(0, -1)).toEqual(commands);
      }),
    );
  });

  test('the same input gives the same bytes', () => {
    const input = { files: [{ path: '/a', content: 'x' }], spec: { mounts: [['a', 'b']] } };
    expect(render(input)).toBe(render(structuredClone(input)));
  });
});

describe('certificates of a control plane', () => {
  const pem = { cert: 'CERT\n', key: 'KEY\n' };

  test('certificates are 0640, keys 0600, in the directory of the configuration', () => {
    const files = certificateFiles(controlPlaneCertificates({ certificatesDir: '/pki/' }), {
      ca: pem,
      etcd: pem,
      proxy: pem,
      sa: pem,
    });
    expect(files.map((f) => `${f.permissions} ${f.path}`)).toEqual([
      '0640 /pki/ca.crt',
      '0600 /pki/ca.key',
      '0640 /pki/etcd/ca.crt',
      '0600 /pki/etcd/ca.key',
      '0640 /pki/front-proxy-ca.crt',
      '0600 /pki/front-proxy-ca.key',
      '0640 /pki/sa.pub',
      '0600 /pki/sa.key',
    ]);
  });

  test('with an external etcd its CA has no key, and the client pair comes along', () => {
    const external = { endpoints: ['https://e:2379'], caFile: '/e/ca.crt', certFile: '/e/c.crt', keyFile: '/e/c.key' };
    const places = controlPlaneCertificates({ etcd: { external } });
    const files = certificateFiles(places, { etcd: { cert: 'C', key: '' }, 'apiserver-etcd-client': pem });
    expect(files.map((f) => f.path)).toEqual(['/e/ca.crt', '/e/c.crt', '/e/c.key']);
    expect(places.filter((p) => p.external).map((p) => p.purpose)).toEqual(['etcd', 'apiserver-etcd-client']);
  });
});
