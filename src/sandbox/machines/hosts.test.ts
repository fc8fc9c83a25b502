import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHostResolver, localServer, readHosts, writeHosts } from './hosts.js';

describe('hosts', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'perdure-hosts-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('a resolver sees names as they come and go', () => {
    const resolve = createHostResolver(dir);
    expect(resolve('api.elb')).toBeUndefined();
    writeHosts(dir, { 'b.elb': '127.64.0.2', 'api.elb': '127.64.0.1' });
    expect(resolve('API.elb.')).toBe('127.64.0.1');
    writeHosts(dir, {});
    expect(resolve('api.elb')).toBeUndefined();
    expect(readHosts(dir)).toEqual({});
  });

  test('a server URL keeps its port and names what the certificate is for', () => {
    expect(localServer('https://Api.elb:6443', { 'api.elb': '127.64.0.1' })).toEqual({
      server: 'https://127.64.0.1:6443',
      tlsServerName: 'api.elb',
    });
    expect(localServer('https://other:6443', { 'api.elb': '127.64.0.1' })).toBeUndefined();
  });
});
