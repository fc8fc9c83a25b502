import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { controlPlaneJoin, discoveryKubeconfig, discoveryNeed, withTokenDiscovery, workerJoin } from './discovery.js';

const defaults = { token: 'abcdef.0123456789abcdef', apiServerEndpoint: 'demo:6443', caCertHashes: ['sha256:1'] };
const user = { authProvider: { name: 'gcp', config: { a: 'b' } } };

describe('discovery', () => {
  test('what is missing depends on what was given', () => {
    expect(discoveryNeed(undefined)).toBe('token');
    expect(discoveryNeed({ tlsBootstrapToken: 't' })).toBe('token');
    expect(discoveryNeed({ file: { kubeConfigPath: '/a' } })).toBe('nothing');
    expect(discoveryNeed({ file: { kubeConfigPath: '/a', kubeConfig: { user } } })).toBe('kubeconfig');
  });

  test('by token: the given wins, the rest is filled in', () => {
    expect(withTokenDiscovery(undefined, defaults)).toEqual({ bootstrapToken: defaults });
    const given = { tlsBootstrapToken: 't', bootstrapToken: { caCertHashes: ['sha256:2'] } };
    expect(withTokenDiscovery(given, defaults)).toEqual({
      tlsBootstrapToken: 't',
      bootstrapToken: { ...defaults, caCertHashes: ['sha256:2'] },
    });
  });

  test('without any pin the CA is not checked, as upstream', () => {
    const { bootstrapToken } = withTokenDiscovery(undefined, { ...defaults, caCertHashes: [] });
    expect(bootstrapToken).toEqual({
      token: defaults.token,
      apiServerEndpoint: 'demo:6443',
      unsafeSkipCAVerification: true,
    });
  });

  test('the kubeconfig file has every field, and no CA beside the insecure flag', () => {
    const cluster = { server: 'https://own:1', tlsServerName: 'n', insecureSkipTLSVerify: true, proxyURL: 'http://p' };
    const exec = { command: 'c', args: ['a'], env: [{ name: 'N', value: 'v' }], provideClusterInfo: true };
    const file = discoveryKubeconfig(
      { kubeConfigPath: '/k', kubeConfig: { cluster, user: { exec } } },
      { server: 'https://demo:6443', certificateAuthority: 'CA' },
    );
    expect(parse(file?.content ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': 'default',
      contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
      clusters: [
        {
          name: 'default',
          cluster: {
            server: 'https://own:1',
            'tls-server-name': 'n',
            'insecure-skip-tls-verify': true,
            'proxy-url': 'http://p',
          },
        },
      ],
      users: [
        {
          name: 'default',
          user: {
            exec: {
              apiVersion: 'client.authentication.k8s.io/v1',
              command: 'c',
              args: ['a'],
              env: [{ name: 'N', value: 'v' }],
              interactiveMode: 'Never',
              provideClusterInfo: true,
            },
          },
        },
      ],
    });
  });

  test('an authentication provider and the CA of the cluster', () => {
    const file = discoveryKubeconfig(
      { kubeConfigPath: '/k', kubeConfig: { user } },
      { server: 'https://demo:6443', certificateAuthority: 'CA' },
    );
    expect(parse(file?.content ?? '')).toMatchObject({
      clusters: [{ cluster: { server: 'https://demo:6443', 'certificate-authority-data': 'Q0E=' } }],
      users: [{ user: { 'auth-provider': { name: 'gcp', config: { a: 'b' } } } }],
    });
  });
});

describe('roles', () => {
  const taint = { key: 'node.cluster.x-k8s.io/uninitialized', effect: 'NoSchedule' };

  test('a worker gets the uninitialized taint once, the given object stays as it is', () => {
    const join = { nodeRegistration: { name: 'n', taints: [{ key: 'mine', effect: 'NoSchedule' }] } };
    const made = workerJoin(join);
    expect(made.nodeRegistration).toEqual({ name: 'n', taints: [{ key: 'mine', effect: 'NoSchedule' }, taint] });
    expect(workerJoin(made)).toBe(made);
    expect(join.nodeRegistration.taints).toHaveLength(1);
  });

  test('a control plane machine says so', () => {
    expect(controlPlaneJoin({}).controlPlane).toEqual({});
    const given = { controlPlane: { localAPIEndpoint: { bindPort: 1 } } };
    expect(controlPlaneJoin(given)).toEqual(given);
  });
});
