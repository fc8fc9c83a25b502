import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HealthCounter, HealthWatch, type Probe, probe } from './health-check.js';
import type { CheckConfig, TargetConfig } from './protocol.js';

const CHECK: CheckConfig = {
  kind: 'tcp',
  port: undefined,
  path: '/',
  intervalMs: 1,
  timeoutMs: 1_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
};

describe('HealthCounter', () => {
  test.each([
    ['the first result decides', [true], [true]],
    ['a failure now and then is forgiven', [true, false, false, true, false, false], [true]],
    ['failures in a row are not', [true, false, false, false], [true, false]],
    ['recovery needs its own threshold', [false, true, false, true, true], [false, true]],
  ])('%s', (_name, results, verdicts) => {
    const counter = new HealthCounter();
    expect(results.filter((result) => counter.take(result, CHECK))).toEqual(verdicts);
  });
});

describe('probe', () => {
  let server: Server;
  let target: TargetConfig;
  beforeAll(async () => {
    server = createServer((request, response) => {
      response.writeHead(request.url === '/readyz' ? 200 : 500);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = server.address();
    target = { id: 'i', ip: '127.0.0.1', port: typeof at === 'object' && at ? at.port : 0 };
  });
  afterAll(() => {
    server.close();
  });

  test('TCP is about the connection', async () => expect(await probe(target, CHECK)).toBe(true));
  test('TCP fails on a closed port', async () =>
    expect(await probe({ ...target, ip: '127.0.0.9' }, CHECK)).toBe(false));
  test('HTTP wants a good status', async () => {
    expect(await probe(target, { ...CHECK, kind: 'http', path: '/readyz' })).toBe(true);
    expect(await probe(target, { ...CHECK, kind: 'http', path: '/other' })).toBe(false);
  });
  test('HTTPS to a port that speaks no TLS is unhealthy', async () => {
    expect(await probe(target, { ...CHECK, kind: 'https', port: target.port })).toBe(false);
  });
});

describe('HealthWatch', () => {
  test('reports changes of the verdict and forgets targets that are gone', async () => {
    const target: TargetConfig = { id: 'i-1', ip: '10.0.0.1', port: 1 };
    const results = [false, true, true];
    let asked = 0;
    const scripted: Probe = async () => results[Math.min(asked++, results.length - 1)] ?? true;
    const seen: boolean[] = [];
    await new Promise<void>((resolve) => {
      const watch = new HealthWatch(
        CHECK,
        (_target, healthy) => {
          seen.push(healthy);
          if (seen.length < 2) return;
          expect(watch.healthy(target)).toBe(true);
          expect(watch.update([], CHECK)).toEqual(['i-1|10.0.0.1:1']);
          expect(watch.healthy(target)).toBe(false);
          resolve();
        },
        scripted,
      );
      watch.update([target], CHECK);
    });
    expect(seen).toEqual([false, true]);
  });
});
