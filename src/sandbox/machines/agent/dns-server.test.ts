import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createZone, DNS_TYPE, encodeQuery } from './dns-codec.js';
import { type DnsServer, startDnsServer } from './dns-server.js';

describe('startDnsServer', () => {
  let server: DnsServer;
  let zone = createZone([['api.example.com', '198.18.1.2']]);
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });

  beforeAll(async () => {
    server = await startDnsServer('127.0.0.1', 0, () => zone);
    resolver.setServers([`127.0.0.1:${server.port}`]);
  });
  afterAll(async () => await server.close());

  test('answers over UDP', async () => {
    expect(await resolver.resolve4('api.example.com')).toEqual(['198.18.1.2']);
    await expect(resolver.resolve4('other.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(await resolver.reverse('198.18.1.2')).toEqual(['api.example.com']);
  });

  test('answers two queries of one TCP connection, also when they come in pieces', async () => {
    const query = encodeQuery(3, 'api.example.com', DNS_TYPE.A);
    const framed = Buffer.concat([Buffer.from([0, query.length]), query]);
    const received = await new Promise<Buffer>((resolve) => {
      const socket = connect(server.port, '127.0.0.1');
      let data = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        data = Buffer.concat([data, chunk]);
        if (data.length === 2 * (2 + query.length + 16)) socket.end(() => resolve(data));
      });
      socket.write(Buffer.concat([framed, framed.subarray(0, 9)]));
      socket.write(framed.subarray(9));
    });
    expect([...received.subarray(-4)]).toEqual([198, 18, 1, 2]);
  });

  test('knows new names at once', async () => {
    zone = createZone([['new.example.com', '198.18.1.3']]);
    expect(await resolver.resolve4('new.example.com')).toEqual(['198.18.1.3']);
  });
});
