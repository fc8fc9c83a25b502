import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Balancer, orderTargets } from './balancer.js';
import type { TargetConfig } from './protocol.js';

const target = (id: string, port: number, ip = '127.0.0.1'): TargetConfig => ({ id, ip, port });

describe('orderTargets', () => {
  const [a, b, c] = [target('a', 1), target('b', 2), target('c', 3)];
  test('rotates over healthy targets', () => {
    const healthy = (t: TargetConfig) => t !== b;
    expect(
      [0, 1, 2].map((turn) =>
        orderTargets([a, b, c], healthy, turn)
          .map((t) => t.id)
          .join(''),
      ),
    ).toEqual(['ac', 'ca', 'ac']);
  });
  test('tries all when none is healthy', () =>
    expect(orderTargets([a, b], () => false, 1).map((t) => t.id)).toEqual(['b', 'a']));
  test('has nothing to try without targets', () => expect(orderTargets([], () => true, 5)).toEqual([]));
});

describe('Balancer', () => {
  const opened: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
  });

  async function backend(name: string, host = '127.0.0.1'): Promise<number> {
    const sockets = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.write(`${name}:`);
      socket.on('end', () => socket.end(text));
    });
    server.listen(0, host);
    await once(server, 'listening');
    opened.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
    const at = server.address();
    return typeof at === 'object' && at ? at.port : 0;
  }

  async function balancer(
    healthy: (t: TargetConfig) => boolean = () => true,
  ): Promise<{ proxy: Balancer; port: number }> {
    const proxy = new Balancer(healthy);
    const port = await proxy.listen('127.0.0.1', 0);
    opened.push(() => proxy.close());
    return { proxy, port };
  }

  /** Sends `text`, closes that direction, and reads to the end; 'reset' when the connection breaks. */
  async function talk(port: number, text: string): Promise<string> {
    return await new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('end', () => resolve(heard));
      socket.on('error', () => resolve('reset'));
      socket.end(text);
    });
  }

  test('spreads connections and carries both directions to their ends', async () => {
    const [one, two] = [await backend('one'), await backend('two')];
    const { proxy, port } = await balancer();
    proxy.setTargets([target('1', one), target('2', two)], new Set());
    expect([await talk(port, 'x'), await talk(port, 'y'), await talk(port, 'z')].sort()).toEqual([
      'one:x',
      'one:z',
      'two:y',
    ]);
  });

  test('goes on to the next target when one refuses', async () => {
    const dead = await backend('dead');
    await opened.splice(0)[0]?.();
    const alive = await backend('alive');
    const { proxy, port } = await balancer();
    proxy.setTargets([target('1', dead), target('2', alive)], new Set());
    expect([await talk(port, 'a'), await talk(port, 'b')]).toEqual(['alive:a', 'alive:b']);
  });

  test('breaks the connection when there is no target', async () => {
    const { port } = await balancer();
    expect(await talk(port, 'a')).toBe('reset');
  });

  test('keeps connections to a deregistered target and cuts those to a machine that is gone', async () => {
    const { proxy, port } = await balancer();
    proxy.setTargets([target('1', await backend('one', '127.0.0.2'), '127.0.0.2')], new Set());
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'data');
    proxy.setTargets([], new Set(['127.0.0.2']));
    expect(socket.destroyed).toBe(false);
    const closed = once(socket, 'close');
    proxy.setTargets([], new Set());
    await closed;
  });
});
