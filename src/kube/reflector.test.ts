import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { KINDS } from '../api/types/kinds.js';
import { silentLog } from '../telemetry/log.js';
import { createKube, type KubeClient } from './client.js';
import { Reflector, type ReflectorOptions } from './reflector.js';

/** An API server of one kind: lists what it is told, and hands every watch to the test. */
let server: Server;
let client: KubeClient;
let items: { name: string; uid: string; version: string }[];
let listVersion: string;
let listCode: number;
let lists: number;
let watches: { readonly url: string; readonly response: ServerResponse }[];
let stop: AbortController;
let running: Promise<void>;
let events: string[];
let waiters: { readonly ready: () => boolean; readonly resolve: () => void }[];

function poke(): void {
  for (const waiter of waiters) if (waiter.ready()) waiter.resolve();
  waiters = waiters.filter((w) => !w.ready());
}

/** Resolves as soon as `ready` holds after something happened; no polling. */
function until(ready: () => boolean): Promise<void> {
  return ready() ? Promise.resolve() : new Promise((resolve) => waiters.push({ ready, resolve }));
}

const object = (name: string, uid: string, version: string): unknown => ({
  metadata: { namespace: 'default', name, uid, resourceVersion: version, managedFields: [{}] },
});

function send(index: number, type: string, value: unknown): void {
  watches[index]?.response.write(`${JSON.stringify({ type, object: value })}\n`);
}

beforeEach(async () => {
  items = [];
  listVersion = '10';
  listCode = 200;
  lists = 0;
  watches = [];
  events = [];
  waiters = [];
  stop = new AbortController();
  server = createServer((request, response) => {
    const url = request.url ?? '';
    if (url.includes('watch=true')) {
      response.writeHead(200);
      response.flushHeaders();
      watches.push({ url, response });
    } else {
      lists += 1;
      response.writeHead(listCode);
      const list = items.map((i) => object(i.name, i.uid, i.version));
      response.end(JSON.stringify(listCode === 200 ? { metadata: { resourceVersion: listVersion }, items: list } : {}));
    }
    poke();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = createKube({ server: `http://127.0.0.1:${port}`, credentials: async () => ({ headers: {} }) });
});

afterEach(async () => {
  stop.abort(new Error('test over'));
  await running;
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function start(options: Partial<ReflectorOptions<never>> = {}): Reflector {
  const reflector = new Reflector({
    client,
    kind: KINDS.Cluster,
    log: silentLog,
    backoff: { baseMs: 1, capMs: 5 },
    ...options,
    onEvent: ({ type, object: { metadata } }) => {
      events.push(`${type} ${metadata.name} ${metadata.uid}`);
      poke();
    },
    onState: () => poke(),
  });
  running = reflector.run(stop.signal);
  return reflector;
}

test('lists, then follows a watch with bookmarks from the list on', async () => {
  items = [{ name: 'a', uid: 'a1', version: '5' }];
  const reflector = start();
  await until(() => watches.length === 1);
  send(0, 'ADDED', object('b', 'b1', '11'));
  send(0, 'MODIFIED', object('a', 'a1', '12'));
  send(0, 'DELETED', object('b', 'b1', '13'));
  await until(() => events.length === 4);
  expect(events).toEqual(['added a a1', 'added b b1', 'updated a a1', 'deleted b b1']);
  const query = new URL(watches[0]?.url ?? '', 'http://x').searchParams;
  expect(query.get('resourceVersion')).toBe('10');
  expect(query.get('allowWatchBookmarks')).toBe('true');
  expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(240);
  expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(480);
  expect(reflector.healthy()).toBe(true);
  expect(reflector.get({ namespace: 'default', name: 'a' })?.metadata).not.toHaveProperty('managedFields');
});

test('goes on from the last version it saw, bookmarks included, when the server ends a watch', async () => {
  start();
  await until(() => watches.length === 1);
  send(0, 'ADDED', object('a', 'a1', '11'));
  send(0, 'BOOKMARK', { metadata: { resourceVersion: '20' } });
  watches[0]?.response.end();
  await until(() => watches.length === 2);
  expect(watches[1]?.url).toContain('resourceVersion=20');
  expect(lists).toBe(1);
});

test('goes on from the last whole event when the connection breaks in the middle of a line', async () => {
  start();
  await until(() => watches.length === 1);
  send(0, 'ADDED', object('a', 'a1', '11'));
  await until(() => events.length === 1);
  watches[0]?.response.write('{"type":"ADDED","obj');
  watches[0]?.response.destroy();
  await until(() => watches.length === 2);
  expect(watches[1]?.url).toContain('resourceVersion=11');
  expect(lists).toBe(1);
});

test.each(['an ERROR event', 'a 410 answer'])('lists again on %s and reports what vanished meanwhile', async (how) => {
  items = [
    { name: 'gone', uid: 'g1', version: '1' },
    { name: 'kept', uid: 'k1', version: '2' },
    { name: 'remade', uid: 'r1', version: '3' },
  ];
  const reflector = start();
  await until(() => watches.length === 1);
  events = [];
  items = [
    { name: 'kept', uid: 'k1', version: '2' },
    { name: 'remade', uid: 'r2', version: '14' },
  ];
  listVersion = '30';
  if (how === 'an ERROR event') send(0, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
  else watches[0]?.response.destroy();
  if (how !== 'an ERROR event') {
    await until(() => watches.length === 2);
    send(1, 'ERROR', { kind: 'Status', code: 410, reason: 'Gone' });
  }
  await until(() => events.length === 3);
  expect(events).toEqual(['deleted gone g1', 'deleted remade r1', 'added remade r2']);
  const last = how === 'an ERROR event' ? 1 : 2;
  await until(() => watches.length > last);
  expect(watches[last]?.url).toContain('resourceVersion=30');
  expect([...reflector.values()].map((o) => o.metadata.name)).toEqual(['kept', 'remade']);
});

test('opens a stalled watch again without listing', async () => {
  start({ inactivityMs: 30 });
  await until(() => watches.length === 2);
  expect(lists).toBe(1);
});

test('reports a failing API server and recovers', async () => {
  listCode = 503;
  const reflector = start();
  await until(() => reflector.status().state === 'failing');
  expect(reflector.healthy()).toBe(false);
  expect(reflector.status().error).toContain('503');
  listCode = 200;
  await until(() => reflector.status().state === 'watching');
  expect(reflector.healthy()).toBe(true);
});

test('settles as absent when the kind is not installed, and picks it up once it is', async () => {
  listCode = 404;
  const reflector = start();
  await reflector.whenSettled;
  expect(reflector.status().state).toBe('absent');
  expect(reflector.synced).toBe(false);
  listCode = 200;
  await until(() => reflector.synced);
});

test('is unhealthy after two silent inactivity periods', async () => {
  let now = 1_000;
  const reflector = start({ now: () => now });
  await until(() => reflector.status().state === 'watching');
  now += 299_000;
  expect(reflector.healthy()).toBe(true);
  now += 2_000;
  expect(reflector.healthy()).toBe(false);
});

test('keeps going when a handler throws', async () => {
  const seen: string[] = [];
  const reflector = new Reflector({
    client,
    kind: KINDS.Cluster,
    log: silentLog,
    onEvent: (event) => {
      seen.push(event.object.metadata.name);
      poke();
      throw new Error('handler');
    },
  });
  running = reflector.run(stop.signal);
  await until(() => watches.length === 1);
  send(0, 'ADDED', object('a', 'a1', '11'));
  send(0, 'ADDED', object('b', 'b1', '12'));
  await until(() => seen.length === 2);
  expect(seen).toEqual(['a', 'b']);
});
