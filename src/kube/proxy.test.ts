import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { startConnectProxy, startSocksProxy, type TestProxy } from '../../test/helpers/proxies.js';
import { type KubeClient, kubeFromKubeconfigText } from './client.js';
import { portForward } from './port-forward.js';
import { connectThrough } from './proxy.js';

let server: Server;
let address: string;
const proxies: TestProxy[] = [];
const clients: KubeClient[] = [];

beforeEach(async () => {
  server = createServer((_, response) => void response.end('{"gitVersion":"v1.34.4"}'));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.send(Buffer.of(0, 0x4b, 0x09));
      ws.send(Buffer.concat([Buffer.of(0), Buffer.from('through')]), () => ws.close());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const proxy of proxies.splice(0)) await proxy.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function proxied(starting: Promise<TestProxy>, change = (url: string): string => url) {
  const proxy = await starting;
  proxies.push(proxy);
  return { proxy, kube: kubeBy(change(proxy.url)) };
}

function kubeBy(proxyUrl: string): KubeClient {
  const text = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: `http://${address}`, 'proxy-url': proxyUrl } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
  const client = kubeFromKubeconfigText(text);
  clients.push(client);
  return client;
}

test.each([
  ['an HTTP proxy', startConnectProxy],
  ['a SOCKS5 proxy', startSocksProxy],
])('requests go through %s of the kubeconfig', async (_, start) => {
  const { proxy, kube } = await proxied(start());
  await expect(kube.raw('GET', '/version')).resolves.toEqual({ gitVersion: 'v1.34.4' });
  expect(proxy.targets).toEqual([address]);
});

test.each([
  ['an HTTP proxy', startConnectProxy],
  ['a SOCKS5 proxy', startSocksProxy],
])('port-forwards go through %s too, with its credentials', async (_, start) => {
  const { proxy, kube } = await proxied(start('open:sesame'), (url) => url.replace('://', '://user:open%3Asesame@'));
  const stream = await portForward(kube, { namespace: 'kube-system', pod: 'etcd-0', port: 2379 });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('through');
  expect(proxy.targets).toEqual([address]);
});

test.each([
  ['an HTTP proxy', startConnectProxy, 'status 407'],
  ['a SOCKS5 proxy', startSocksProxy, 'Socks5 Authentication failed'],
])('%s that refuses is told by name, without its password', async (_, start, why) => {
  const { proxy } = await proxied(start('right'));
  const url = proxy.url.replace('://', '://user:wr0ng@');
  const refusal: unknown = await connectThrough(url, { host: 'api.example.test', port: 6443 }).catch((error) => error);
  expect(refusal).toMatchObject({
    type: 'Transient',
    message: `proxy ${new URL(url).host} gives no connection to api.example.test:6443: ${why}`,
  });
  expect(inspect(refusal, { depth: 9 })).not.toContain('wr0ng');
});

test.each([
  [
    'ftp://user:secret@proxy.example.test',
    'kubeconfig: proxy-url with scheme ftp is not supported; use http, https or socks5',
  ],
  ['not a url', 'kubeconfig: proxy-url is not a URL; use http, https or socks5'],
])('%s is refused', (url, message) => {
  expect(() => kubeBy(url)).toThrow(message);
});

test('a proxy of another kind carries no port-forwards, and says so', async () => {
  await expect(connectThrough('ftp://127.0.0.1:1', { host: 'h', port: 1 })).rejects.toMatchObject({
    type: 'InvalidConfiguration',
  });
});
