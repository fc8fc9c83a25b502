import { describe, expect, test } from '@jest/globals';
import { type DnsRecord, dnsEntries, hostOf } from './dns.js';

const BALANCER = 'dualstack.web-1.us-east-1.elb.amazonaws.com.';
const a = (name: string, ...values: string[]): DnsRecord => ({ name, type: 'A', values });
const mark = (name: string, owner = 'demo', resource = 'service/default/web'): DnsRecord => ({
  name,
  type: 'TXT',
  values: [`"heritage=external-dns,external-dns/owner=${owner},external-dns/resource=${resource}"`],
});

test.each([
  ['Web.Example.com.', 'web.example.com'],
  [BALANCER, 'web-1.us-east-1.elb.amazonaws.com'],
  ['\\052.example.com.', '*.example.com'],
])('%s is compared as %s', (name, host) => {
  expect(hostOf(name)).toBe(host);
});

describe('the entries of a zone', () => {
  test.each<[string, string]>([
    ['its own name', 'web.example.com.'],
    ['the type in front of it', 'a-web.example.com.'],
    ['a prefix', 'extdns-web.example.com.'],
    ['a prefix with a dot', 'extdns.web.example.com.'],
    ['a suffix', 'web-owner.example.com.'],
    ['a prefix and the type', 'extdns-a-web.example.com.'],
  ])('are marked by a text of %s', (_, name) => {
    const records = [a('web.example.com.', BALANCER), mark(name)];
    expect(dnsEntries(records)).toEqual([
      {
        name: 'web.example.com',
        targets: ['web-1.us-east-1.elb.amazonaws.com'],
        heritage: { owner: 'demo', resource: 'service/default/web' },
        records,
      },
    ]);
  });

  test('take the mark of the longest name that fits, and none of another zone', () => {
    const records = [
      a('web.example.com.', '203.0.113.7'),
      a('web2.example.com.', '203.0.113.8'),
      mark('p-web2.example.com.', 'two'),
      mark('a-web.example.org.', 'other'),
    ];
    const owners = dnsEntries(records).map(({ name, heritage }) => [name, heritage?.owner]);
    expect(owners).toEqual([
      ['web.example.com', undefined],
      ['web2.example.com', 'two'],
    ]);
  });

  test('join the records of both families, and their marks', () => {
    const records = [
      a('web.example.com.', BALANCER),
      { ...a('web.example.com.', BALANCER), type: 'AAAA' },
      mark('a-web.example.com.'),
      mark('aaaa-web.example.com.'),
      { name: 'web.example.com.', type: 'MX', values: ['10 mail.'] },
    ];
    const [entry, ...others] = dnsEntries(records);
    expect(others).toEqual([]);
    expect(entry?.records).toEqual(records.slice(0, 4));
  });

  test('tell weighted ones apart, with their marks', () => {
    const records = ['blue', 'green'].flatMap((set) => [
      { ...a('web.example.com.', `${set}.elb.`), set },
      { ...mark('web.example.com.', set), set },
    ]);
    expect(dnsEntries(records).map(({ set, targets, heritage }) => [set, targets, heritage?.owner])).toEqual([
      ['blue', ['blue.elb'], 'blue'],
      ['green', ['green.elb'], 'green'],
    ]);
  });

  test('are not marked by texts of others', () => {
    const text = { name: 'web.example.com.', type: 'TXT', values: ['"v=spf1 -all"', '"heritage=other"'] };
    expect(dnsEntries([a('web.example.com.', BALANCER), text])[0]?.heritage).toBeUndefined();
  });
});
