import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { localKubeconfig } from './kubeconfig.js';

const kubeconfig = (server: string): string =>
  stringify({
    kind: 'Config',
    clusters: [{ name: 'demo', cluster: { server, 'certificate-authority-data': 'Q0E=' } }],
  });
const HOSTS = { 'api-1.elb.us-east-1.amazonaws.com': '127.64.0.1' };

test.each([
  ['https://API-1.elb.us-east-1.amazonaws.com:6443', 'https://127.64.0.1:6443', 'api-1.elb.us-east-1.amazonaws.com'],
  ['https://elsewhere.example.com:6443', 'https://elsewhere.example.com:6443', undefined],
  ['https://10.0.0.1:443', 'https://10.0.0.1:443', undefined],
])('%s is reached at %s', (server, local, name) => {
  const { clusters } = parse(localKubeconfig(kubeconfig(server), HOSTS)) as {
    clusters: { cluster: Record<string, string> }[];
  };
  expect(clusters[0]?.cluster).toEqual({
    server: local,
    'certificate-authority-data': 'Q0E=',
    ...(name === undefined ? {} : { 'tls-server-name': name }),
  });
});

test('a kubeconfig without clusters stays as it is', () => {
  expect(parse(localKubeconfig('kind: Config\n', HOSTS))).toEqual({ kind: 'Config' });
});
