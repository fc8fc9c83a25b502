import { expect, test } from '@jest/globals';
import { cacheDir, childEnvironment, readConfig } from './config.js';
import { parseAddress } from './environment.js';
import { readWorkerConfig } from './workers.js';

const here = import.meta.filename;
const read = (environment: Record<string, string> = {}) => readConfig({ HOME: '/home/u', ...environment });

test('has defaults for everything', () => {
  expect(read()).toMatchObject({
    temporal: { address: 'localhost:7233', namespace: 'default' },
    kube: { kubeconfig: '/home/u/.kube/config' },
    watch: { namespaces: [] },
    leaderElection: { enabled: true, namespace: 'perdure-system', name: 'perdure-bridge' },
    health: { host: '0.0.0.0', port: 9440 },
    log: { level: 'info' },
    cacheDir: '/home/u/.cache/perdure',
    features: { DriftSweep: true, SignalConvergedAtStart: false },
    unknown: [],
  });
  expect(read().temporal.tls).toBeUndefined();
});

test('names every wrong variable with its value and what is wanted', () => {
  const environment = {
    PERDURE_TEMPORAL_ADDRESS: 'nowhere',
    PERDURE_LEADER_ELECTION: 'maybe',
    PERDURE_LOG_LEVEL: 'loud',
    PERDURE_NAMESPACES: 'ok,Not_Ok',
    PERDURE_FEATURES: 'Nope=true,DriftSweep=2',
    PERDURE_TEMPORAL_TLS_KEY_FILE: '/no/such/file',
    PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS: '^fine$,a(',
    PERDURE_ADDITIONAL_SYNC_MACHINE_ANNOTATIONS: 'x{1',
  };
  const error = catchError(() => read(environment));
  expect(error).toMatchObject({ type: 'InvalidConfiguration' });
  for (const part of [
    'PERDURE_TEMPORAL_ADDRESS: want host:port, e.g. 127.0.0.1:8080 or [::1]:8080, got "nowhere"',
    'PERDURE_LEADER_ELECTION: want true or false, got "maybe"',
    'PERDURE_LOG_LEVEL: want one of trace, debug, info, warn, error, got "loud"',
    'PERDURE_NAMESPACES: "Not_Ok" is not a namespace name',
    'PERDURE_FEATURES: unknown feature "Nope"; known: DriftSweep, ExternalResourceGC, AlternativeGCStrategy, EventBridgeInstanceState, BootstrapFormatIgnition, KubeadmBootstrapFormatIgnition, SignalConvergedAtStart',
    'PERDURE_FEATURES: want DriftSweep=true or DriftSweep=false, got "DriftSweep=2"',
    'PERDURE_TEMPORAL_TLS_KEY_FILE: no file at /no/such/file',
    'PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS: "a(" is not a regular expression: ',
    'PERDURE_ADDITIONAL_SYNC_MACHINE_ANNOTATIONS: "x{1" is not a regular expression: ',
    'PERDURE_TEMPORAL_TLS_CERT_FILE: needs PERDURE_TEMPORAL_TLS_KEY_FILE',
  ]) {
    expect(error.message).toContain(part);
  }
});

test('turns TLS on for any TLS setting or an API key, unless told not to', () => {
  expect(read({ PERDURE_TEMPORAL_TLS_SERVER_NAME: 't' }).temporal.tls).toEqual({ serverName: 't' });
  expect(read({ PERDURE_TEMPORAL_API_KEY_FILE: here }).temporal.tls).toEqual({});
  expect(read({ PERDURE_TEMPORAL_TLS: 'true' }).temporal.tls).toEqual({});
  expect(read({ PERDURE_TEMPORAL_TLS: 'false', PERDURE_TEMPORAL_API_KEY_FILE: here }).temporal.tls).toBeUndefined();
});

test('chooses the kubeconfig: its own variable, KUBECONFIG, the service account, the home directory', () => {
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
  expect(read({ ...pod, PERDURE_KUBECONFIG: here, KUBECONFIG: '/x' }).kube.kubeconfig).toBe(here);
  expect(read({ ...pod, KUBECONFIG: here }).kube.kubeconfig).toBe(here);
  expect(read(pod).kube.kubeconfig).toBeUndefined();
  expect(() => read({ KUBECONFIG: `${here}:${here}` })).toThrow('lists several files');
});

test('treats empty values as unset and reports unknown variables of its prefix', () => {
  const config = read({ PERDURE_LOG_LEVEL: '', PERDURE_LOGLEVEL: 'debug' });
  expect(config.log.level).toBe('info');
  expect(config.unknown).toEqual(['PERDURE_LOGLEVEL']);
});

test('reads the patterns of labels and annotations, workers and bridge alike', () => {
  const environment = { PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS: '^gpu\\.example\\.com/, ^team$' };
  const alsoSynced = { labels: [/^gpu\.example\.com\//u, /^team$/u], annotations: [] };
  expect(read(environment).alsoSynced).toEqual(alsoSynced);
  expect(readWorkerConfig(environment).alsoSynced).toEqual(alsoSynced);
  expect(() => readWorkerConfig({ PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS: '[' })).toThrow(
    'PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS: "[" is not a regular expression',
  );
});

test('limits requests only when asked to', () => {
  expect(read().kube.limit).toBeUndefined();
  expect(read({ PERDURE_KUBE_QPS: '20', PERDURE_KUBE_BURST: '30' }).kube.limit).toEqual({ qps: 20, burst: 30 });
});

test('puts the cache where the XDG specification says', () => {
  expect(cacheDir({ XDG_CACHE_HOME: '/c' })).toBe('/c/perdure');
  expect(cacheDir({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/perdure');
  expect(cacheDir({ PERDURE_CACHE_DIR: '/own', XDG_CACHE_HOME: '/c' })).toBe('/own');
});

test('gives children a changed copy of the environment', () => {
  expect(childEnvironment({ A: '2', B: undefined, D: '4' }, { A: '1', B: '2', C: '3' })).toEqual({
    A: '2',
    C: '3',
    D: '4',
  });
});

test.each([
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  [':80', { host: '0.0.0.0', port: 80 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['host.example:7233', { host: 'host.example', port: 7233 }],
  ['::1:80', undefined],
  ['host', undefined],
  ['host:99999', undefined],
])('parses the address %s', (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});

function catchError(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not throw');
}
