import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseEndpoints, portOf, requirePorts, requireSamePorts } from './endpoints.js';
import { type Endpoints, type Layout, layoutOf } from './layout.js';
import { freePorts } from './ports.js';

let layout: Layout;
let taken: net.Server;
let takenPort: number;

beforeEach(async () => {
  layout = layoutOf(await mkdtemp(path.join(tmpdir(), 'perdure-endpoints-')));
  taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = (taken.address() as net.AddressInfo).port;
});
afterEach(async () => {
  await new Promise((resolve) => taken.close(resolve));
  await rm(layout.root, { recursive: true });
});

const ports = (endpoints: Endpoints): number[] => Object.values(endpoints).map(portOf);

describe('the endpoints of a state directory', () => {
  test('are all different, and the same the next time', async () => {
    const first = await chooseEndpoints(layout, {});
    expect(new Set(ports(first)).size).toBe(Object.keys(first).length);
    expect(first.ui).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(first.temporal).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await chooseEndpoints(layout, {})).toEqual(first);
  });

  test('have the ports that were asked for, which replace kept ones', async () => {
    const first = await chooseEndpoints(layout, {});
    const [ui = 0] = await freePorts(1, new Set(ports(first)));
    const second = await chooseEndpoints(layout, { ui });
    expect(second).toEqual({ ...first, ui: `http://127.0.0.1:${ui}` });
    expect(await chooseEndpoints(layout, {})).toEqual(second);
  });

  test('give way when a kept port has been asked for by another part', async () => {
    const first = await chooseEndpoints(layout, {});
    const second = await chooseEndpoints(layout, { ui: portOf(first.webhooks) });
    expect(portOf(second.ui)).toBe(portOf(first.webhooks));
    expect(new Set(ports(second)).size).toBe(ports(second).length);
  });

  test('are chosen anew, with a word about it, where somebody else has taken the port', async () => {
    const first = await chooseEndpoints(layout, {});
    const thief = net.createServer();
    await new Promise<void>((resolve) => thief.listen(portOf(first.etcd), '127.0.0.1', resolve));
    const said: string[] = [];
    const second = await chooseEndpoints(layout, {}, (line) => said.push(line));
    await new Promise((resolve) => thief.close(resolve));
    expect(said).toEqual([
      `port ${portOf(first.etcd)} of etcd is taken by node (process ${process.pid}); taking another`,
    ]);
    expect({ ...second, etcd: '' }).toEqual({ ...first, etcd: '' });
    expect(second.etcd).not.toBe(first.etcd);
  });
});

describe('ports that are asked for', () => {
  test('must be free', async () => {
    await expect(requirePorts({ aws: takenPort })).rejects.toMatchObject({
      type: 'Conflict',
      message: `port ${takenPort} of --aws-port is taken by node (process ${process.pid}); choose another port`,
    });
    await requirePorts({ aws: takenPort }, new Set([takenPort]));
  });

  test('must differ', async () => {
    const [port = 0] = await freePorts(1);
    await expect(requirePorts({ ui: port, temporal: port })).rejects.toThrow(
      `--temporal-port and --ui-port are both ${port}; change one`,
    );
  });

  test('must be those of a sandbox that runs', () => {
    const running = { ui: 'http://127.0.0.1:8233' } as Endpoints;
    requireSamePorts({ ui: 8233 }, running);
    expect(() => requireSamePorts({ ui: 9000 }, running)).toThrow('with port 8233 where --ui-port asks for 9000');
  });
});
