import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type WebSocket, WebSocketServer } from 'ws';
import { createKube, type KubeClient } from './client.js';
import { portForward } from './port-forward.js';

let server: Server;
let sockets: WebSocketServer;
let kube: KubeClient;
let requested: string | undefined;
let serve: (socket: WebSocket) => void;

beforeEach(async () => {
  server = createServer((_request, response) => {
    response
      .writeHead(404)
      .end(JSON.stringify({ kind: 'Status', message: 'pods "etcd-0" not found', reason: 'NotFound' }));
  });
  sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.includes('missing')) {
      const body = JSON.stringify({ kind: 'Status', message: 'pods "missing" not found' });
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      requested = request.url;
      ws.send(Buffer.of(0, 0x4b, 0x09));
      ws.send(Buffer.of(1, 0x4b, 0x09));
      serve(ws);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  kube = createKube({ server: `http://127.0.0.1:${port}`, credentials: async () => ({ headers: {} }) });
});

afterEach(async () => {
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await kube.close();
});

const target = { namespace: 'kube-system', pod: 'etcd-0', port: 2379 };

test('carries bytes both ways and ends with the tunnel', async () => {
  serve = (socket) => {
    socket.on('message', (data: Buffer) => {
      socket.send(Buffer.concat([Buffer.of(0), Buffer.from(`echo ${data.subarray(1).toString()}`)]), () =>
        socket.close(),
      );
    });
  };
  const stream = await portForward(kube, target);
  stream.write('hello');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('echo hello');
  expect(requested).toBe('/api/v1/namespaces/kube-system/pods/etcd-0/portforward?ports=2379');
});

test('turns an error from the pod into an error of the stream', async () => {
  serve = (socket) => socket.send(Buffer.concat([Buffer.of(1), Buffer.from('connection refused')]));
  const stream = await portForward(kube, target);
  const error = await new Promise((resolve) => stream.once('error', resolve).resume());
  expect(error).toMatchObject({
    type: 'Transient',
    message: 'port-forward to kube-system/etcd-0:2379: connection refused',
  });
});

test('reports an absent pod as NotFound', async () => {
  await expect(portForward(kube, { ...target, pod: 'missing' })).rejects.toMatchObject({ type: 'NotFound' });
});

test('closes the tunnel when aborted', async () => {
  const closed = new Promise<void>((resolve) => {
    serve = (socket) => socket.on('close', () => resolve());
  });
  const abort = new AbortController();
  const stream = await portForward(kube, { ...target, signal: abort.signal });
  stream.on('error', () => undefined);
  abort.abort(new Error('cancelled'));
  await closed;
  expect(stream.destroyed).toBe(true);
});
