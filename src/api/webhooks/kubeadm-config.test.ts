import { describe, expect, test } from '@jest/globals';
import type { KubeadmConfig, KubeadmConfigSpec, KubeadmConfigTemplate } from '../types/index.js';
import { DEFAULT_GATES } from './context.js';
import { causeMessage } from './field-errors.js';
import { validateKubeadmConfig, validateKubeadmConfigTemplate } from './kubeadm-config.js';

const ctx = { dryRun: false, gates: DEFAULT_GATES };
const gate = { dryRun: false, gates: { ...DEFAULT_GATES, KubeadmBootstrapFormatIgnition: true } };
const apiVersion = 'bootstrap.cluster.x-k8s.io/v1beta2';
const metadata = { name: 'k', namespace: 'ns' };
const config = (spec: KubeadmConfigSpec): KubeadmConfig => ({ apiVersion, kind: 'KubeadmConfig', metadata, spec });
const template = (spec: KubeadmConfigSpec): KubeadmConfigTemplate => ({
  apiVersion,
  kind: 'KubeadmConfigTemplate',
  metadata,
  spec: { template: { spec } },
});

const secret = { secret: { name: 's', key: 'k' } };
const half = (name: string, key: string) => ({ secret: { name, key } });

const CASES: [string, KubeadmConfigSpec, string[]][] = [
  ['nothing', {}, []],
  [
    'files of both sources',
    { files: [{ path: '/a', content: 'x' }, { path: '/b', contentFrom: secret }, { path: '/c' }] },
    [],
  ],
  ['a file of two sources', { files: [{ path: '/a', content: 'hush', contentFrom: secret }] }, ['files[0]']],
  ['files of one path', { files: [{ path: '/a' }, { path: '/b' }, { path: '/a' }] }, ['files[2].path']],
  [
    'a source without name',
    { files: [{ path: '/a', contentFrom: half('', 'k') }] },
    ['files[0].contentFrom.secret.name'],
  ],
  [
    'a source without key',
    { files: [{ path: '/a', contentFrom: half('s', '') }] },
    ['files[0].contentFrom.secret.key'],
  ],
  [
    'a user with a password',
    {
      users: [
        { name: 'u', passwd: 'p' },
        { name: 'v', passwdFrom: secret },
      ],
    },
    [],
  ],
  ['a user with two passwords', { users: [{ name: 'u', passwd: 'hush', passwdFrom: secret }] }, ['users[0]']],
  [
    'a password source that is half',
    { users: [{ name: 'u', passwdFrom: half('', '') }] },
    ['users[0].passwdFrom.secret.name', 'users[0].passwdFrom.secret.key'],
  ],
  [
    'partitions that fill the disk',
    { diskSetup: { partitions: [{ device: 'd', diskLayout: [{ percentage: 40 }, { percentage: 60 }] }] } },
    [],
  ],
  [
    'partitions larger than the disk',
    { diskSetup: { partitions: [{ device: 'd', diskLayout: [{ percentage: 41 }, { percentage: 60 }] }] } },
    ['diskSetup.partitions[0].diskLayout'],
  ],
  [
    'Ignition without the gate',
    { format: 'ignition', ignition: { containerLinuxConfig: { strict: true } } },
    ['format', 'ignition'],
  ],
  [
    'two ways to authenticate',
    {
      joinConfiguration: {
        discovery: {
          file: { kubeConfigPath: '/k', kubeConfig: { user: { authProvider: { name: 'a' }, exec: { command: 'c' } } } },
        },
      },
    },
    ['joinConfiguration.discovery.file.kubeConfig.user'],
  ],
  [
    'different timeouts, as a machine only inits or joins',
    { initConfiguration: { timeouts: { controlPlaneComponentHealthCheckSeconds: 1 } } },
    [],
  ],
];

const WITH_GATE: [string, KubeadmConfigSpec, string[]][] = [
  ['the format', { format: 'ignition' }, []],
  ['the block without the format', { ignition: { containerLinuxConfig: { strict: true } } }, ['format']],
  ['an inactive user', { format: 'ignition', users: [{ name: 'u', inactive: true }] }, ['users[0].inactive']],
  [
    'compressed files',
    {
      format: 'ignition',
      files: [
        { path: '/a', encoding: 'base64' },
        { path: '/b', encoding: 'gzip' },
        { path: '/c', encoding: 'gzip+base64' },
      ],
    },
    ['files[1].encoding', 'files[2].encoding'],
  ],
  ['boot commands', { format: 'ignition', bootCommands: ['true'] }, ['bootCommands']],
  [
    'an mbr table',
    { format: 'ignition', diskSetup: { partitions: [{ device: 'd', layout: true, tableType: 'mbr' }] } },
    ['diskSetup.partitions[0].tableType'],
  ],
  [
    'file systems it cannot make',
    {
      format: 'ignition',
      diskSetup: { filesystems: [{ device: 'd', filesystem: 'ext4', replaceFS: 'xfs', partition: 'auto' }] },
    },
    ['diskSetup.filesystems[0].replaceFS', 'diskSetup.filesystems[0].partition'],
  ],
];

describe('admission of KubeadmConfig and its template', () => {
  test.each(CASES)('judges %s', (_, spec, paths) => {
    expect(validateKubeadmConfig(config(spec), undefined, ctx).errors.map((e) => e.path)).toEqual(
      paths.map((p) => `spec.${p}`),
    );
    const { errors } = validateKubeadmConfigTemplate(template(spec), undefined, ctx);
    expect(errors.map((e) => e.path)).toEqual(paths.map((p) => `spec.template.spec.${p}`));
  });

  test.each(WITH_GATE)('with the gate judges Ignition with %s', (_, spec, paths) => {
    expect(validateKubeadmConfig(config(spec), undefined, gate).errors.map((e) => e.path)).toEqual(
      paths.map((p) => `spec.${p}`),
    );
  });

  test('never shows the content of a file or a password', () => {
    const spec: KubeadmConfigSpec = {
      files: [{ path: '/a', content: 'hush', contentFrom: secret }],
      users: [{ name: 'u', passwd: 'hush', passwdFrom: secret }],
    };
    const { errors } = validateKubeadmConfig(config(spec), undefined, ctx);
    expect(errors).toHaveLength(2);
    expect(errors.map(causeMessage).join()).not.toContain('hush');
  });

  test('the metadata of a template has to be valid', () => {
    const made = template({});
    if (made.spec?.template) made.spec.template.metadata = { labels: { '/': '' } };
    expect(validateKubeadmConfigTemplate(made, undefined, ctx).errors.map((e) => e.path)).toEqual([
      'spec.template.metadata.labels',
    ]);
  });

  test('an object without spec is fine', () => {
    const bare: KubeadmConfig = { apiVersion, kind: 'KubeadmConfig', metadata };
    expect(validateKubeadmConfig(bare, undefined, ctx).errors).toEqual([]);
  });
});
