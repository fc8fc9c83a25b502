import net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { freePorts, holderOf, portTrouble } from './ports.js';

const servers: net.Server[] = [];
async function listen(host: string): Promise<number> {
  const server = net.createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as net.AddressInfo).port;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((s) => new Promise((resolve) => s.close(resolve))));
});

describe('ports', () => {
  test('free ones are all different, and none that is taken', async () => {
    const first = await freePorts(5);
    const second = await freePorts(5, new Set(first));
    expect(new Set([...first, ...second]).size).toBe(10);
    for (const port of second) expect(await portTrouble(port)).toBeUndefined();
  });

  test.each(['127.0.0.1', '0.0.0.0', '::'])(
    'one that something on %s listens on is told with who it is',
    async (host) => {
      const port = await listen(host);
      expect(await portTrouble(port)).toBe(`is taken by node (process ${process.pid})`);
    },
  );

  test('of a port that nobody is seen on, somebody else is said to have it', () => {
    expect(holderOf(1)).toBe('a process of another user');
  });
});
