import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createFeed } from './feed.js';

describe('createFeed', () => {
  let server: Server;
  let endpoint: string;
  let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  beforeEach(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => answer(request, response, body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = server.address();
    endpoint = `http://127.0.0.1:${typeof at === 'object' && at ? at.port : 0}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const json = (response: ServerResponse, value: unknown, status = 200) =>
    response.writeHead(status).end(JSON.stringify(value));

  test('asks for news only, and takes failures for silence, not for an empty world', async () => {
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(request.url ?? '');
      if (asked.length === 1) json(response, { version: 'a', instances: [{ id: 'i-1', state: 'running' }] });
      else if (asked.length === 2) json(response, {}, 500);
      else json(response, { version: 'b', instances: [] });
    };
    const trouble: boolean[] = [];
    const feed = createFeed(endpoint, (error) => trouble.push(error !== undefined));
    const stop = new AbortController();
    const seen: string[][] = [];
    await feed.watchInstances((instances) => {
      seen.push(instances.map((i) => i.id));
      if (seen.length === 2) stop.abort();
    }, stop.signal);
    expect(seen).toEqual([['i-1'], []]);
    expect(asked).toEqual(['/_perdure/instances', '/_perdure/instances?version=a&waitMs=25000', '/_perdure/instances']);
    expect(trouble).toEqual([true, false]);
  });

  test('an instance the emulator does not know needs no report; other refusals are errors', async () => {
    const feed = createFeed(endpoint, () => undefined);
    answer = (_request, response) => json(response, { error: 'no instance' }, 400);
    await feed.reportMachine('i-1', 'died', 'no room');
    answer = (_request, response) => json(response, {}, 500);
    await expect(feed.reportMachine('i-1', 'died', 'no room')).rejects.toThrow('emulator answered 500');
    await expect(feed.reportHealth([])).rejects.toThrow('emulator answered 500');
  });

  test('tells what a machine prints without saying that anything happened to it', async () => {
    let sent = '';
    answer = (request, response, body) => {
      sent = `${request.url} ${body}`;
      json(response, {});
    };
    await createFeed(endpoint, () => undefined).reportConsole('i-1', 'kubeadm: error');
    expect(sent).toBe('/_perdure/machines/i-1 {"event":"console","console":"kubeadm: error"}');
  });

  test('reports health as it is', async () => {
    let sent = '';
    answer = (request, response, body) => {
      sent = `${request.method} ${request.url} ${body}`;
      json(response, {});
    };
    await createFeed(`${endpoint}/`, () => undefined).reportHealth([{ target: 'i-1', port: 6443, healthy: null }]);
    expect(sent).toBe('POST /_perdure/health [{"target":"i-1","port":6443,"healthy":null}]');
  });
});
