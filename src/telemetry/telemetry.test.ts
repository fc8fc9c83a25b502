import { expect, test } from '@jest/globals';
import { Gauge } from 'prom-client';
import { PerdureError } from '../domain/errors.js';
import { createLogger, scrub } from './logger.js';
import { createRegistry } from './metrics.js';
import { startTelemetryServer } from './server.js';

function capture(level: 'debug' | 'info' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level,
    fields: { process: 'test' },
    destination: { write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>) },
  });
  return { log, lines };
}

test('writes constant messages with fields, and child fields on every line', () => {
  const { log, lines } = capture();
  log.child({ cluster: 'default/demo' }).info('created instance', { instanceID: 'i-1' });
  log.debug('not written');
  expect(lines).toMatchObject([
    { level: 'info', message: 'created instance', process: 'test', cluster: 'default/demo', instanceID: 'i-1' },
  ]);
});

test('serves as the logger of Temporal', () => {
  const { log, lines } = capture();
  log.log('WARN', 'slow', { a: 1 });
  expect(lines).toMatchObject([{ level: 'warn', message: 'slow', a: 1 }]);
});

test('masks secret fields at any of three depths', () => {
  const { log, lines } = capture();
  log.info('x', { token: 's1', a: { password: 's2', b: { kubeconfig: 's3', 'client-key-data': 's4' } }, name: 'kept' });
  expect(JSON.stringify(lines)).not.toMatch(/s[1-4]/);
  expect(lines[0]).toMatchObject({ name: 'kept' });
});

test('tells type, details and causes of an error and scrubs keys and tokens from their texts', () => {
  const { log, lines } = capture();
  const cause = new Error(
    'sent Authorization: Bearer abc.def to -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
  );
  log.error('failed', { error: new PerdureError('Transient', 'cannot list', { cause, details: { status: 503 } }) });
  expect(lines[0]).toMatchObject({
    error: { type: 'Transient', message: 'cannot list', details: { status: 503 }, cause: { name: 'Error' } },
  });
  expect(JSON.stringify(lines)).not.toMatch(/abc\.def|MIIE/);
});

test('scrubs kubeadm tokens but not file names', () => {
  expect(scrub('kubeadm join --token abcdef.0123456789abcdef')).toBe('kubeadm join --token abcdef.***');
  expect(scrub('read config.yaml of demo.example')).toBe('read config.yaml of demo.example');
});

test('serves health, readiness with details, and metrics', async () => {
  const registry = createRegistry({ part: 'bridge' });
  new Gauge({ name: 'perdure_test', help: 'test', registers: [registry] }).set(3);
  let ready = false;
  const server = await startTelemetryServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    ready: () => ({ ready, details: { temporal: 'down' } }),
  });
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([503, '{"ready":false,"temporal":"down"}\n']);
  ready = true;
  expect((await get('/readyz'))[0]).toBe(200);
  expect((await get('/metrics'))[1]).toContain('perdure_test{part="bridge"} 3');
  expect((await get('/other'))[0]).toBe(404);
  await server.stop();
});
