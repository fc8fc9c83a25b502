import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Claimant, ExternalInventory, ExternalKind, ExternalResource } from './external.js';
import { type FateContext, fatesOf } from './fates.js';

const KINDS: ExternalKind[] = [
  { name: 'load-balancer', wave: 1 },
  { name: 'security-group', wave: 2 },
  { name: 'volume', wave: 3, data: true },
];
const claimant: Claimant = { name: 'demo', id: 'id-1', createdAt: '2026-01-01T00:00:00Z', ownNetwork: false };
const context: FateContext = {
  claimant,
  wish: { enabled: true, problems: [] },
  inventory: { items: [] },
  kinds: KINDS,
};
const lb: ExternalResource = {
  kind: 'load-balancer',
  id: 'lb-1',
  name: 'one',
  claim: 'owned',
  evidence: 'cluster=demo',
  network: 'net-1',
  createdAt: '2026-02-01T00:00:00Z',
};
const volume: ExternalResource = { kind: 'volume', id: 'vol-1', name: 'v', claim: 'owned', evidence: 'cluster=demo' };
const inNet: Claimant = { ...claimant, network: 'net-1', ownNetwork: true };
const rival: Claimant = { ...inNet, ownNetwork: false, namesake: 'a cluster called demo in net-9' };
const service = (ids: string[], retain?: true): ExternalInventory => ({
  items: [{ source: 'Service default/web', ids, ...(retain ? { retain } : {}) }],
});

const fate = (resource: ExternalResource, change: Partial<FateContext> = {}) => {
  const [one] = fatesOf([resource], { ...context, ...change });
  return [one?.fate, one?.reason];
};

describe('the fate of an external resource', () => {
  test.each<[string, ExternalResource, Partial<FateContext>, string, RegExp]>([
    ['of a name nobody else has', lb, {}, 'delete', /cluster=demo, and no other cluster is called demo/],
    ["in the cluster's own network", lb, { claimant: inNet }, 'delete', /in the cluster's own network/],
    ['with the id of the cluster', { ...lb, clusterId: 'id-1' }, { claimant: rival }, 'delete', /the cluster's id/],
    ['named by a Service', lb, { claimant: rival, inventory: service(['lb-1']) }, 'delete', /made for Service/],
    [
      'named by an alias',
      { ...lb, aliases: ['h'] },
      { claimant: rival, inventory: service(['h']) },
      'delete',
      /Service/,
    ],
    [
      'that was to go before',
      lb,
      { claimant: rival, decided: new Map([['load-balancer/lb-1', 'why']]) },
      'delete',
      /why/,
    ],
    ['of another id', { ...lb, clusterId: 'id-2' }, { claimant: inNet }, 'refused', /id of another cluster, id-2/],
    ['tagged for others too', { ...lb, others: ['b'] }, { claimant: inNet }, 'refused', /tagged for b as well/],
    [
      'that may be another’s',
      { ...lb, doubt: 'points elsewhere' },
      { claimant: inNet },
      'refused',
      /^points elsewhere$/,
    ],
    ['that is shared', { ...lb, claim: 'shared' }, { claimant: inNet }, 'refused', /is shared/],
    ['of another network', { ...lb, network: 'net-2' }, { claimant: inNet }, 'refused', /lies in network net-2/],
    ['that a namesake could own', lb, { claimant: rival }, 'refused', /could mean a cluster called demo in net-9/],
    ['older than the cluster', { ...lb, createdAt: '2025-01-01T00:00:00Z' }, {}, 'refused', /older than the cluster/],
    [
      "older, but in the cluster's own network",
      { ...lb, createdAt: '2025-01-01T00:00:00Z' },
      { claimant: inNet },
      'delete',
      /own network/,
    ],
    ['when all is turned off', lb, { wish: { enabled: false, because: 'off', problems: [] } }, 'keep', /^off$/],
    ['of a kind not asked for', lb, { wish: { enabled: true, kinds: ['volume'], problems: [] } }, 'keep', /not among/],
    ['with data', volume, {}, 'keep', /may hold data: kept unless volume is asked for by name/],
    ['with data asked for', volume, { wish: { enabled: true, kinds: ['volume'], problems: [] } }, 'delete', /demo/],
    [
      'with data asked for and retained',
      volume,
      { wish: { enabled: true, kinds: ['volume'], problems: [] }, inventory: service(['vol-1'], true) },
      'keep',
      /retained/,
    ],
    ['in use', { ...lb, usedBy: 'instance i-1' }, { claimant: inNet }, 'keep', /in use by instance i-1/],
  ])('%s', (_, resource, change, expected, reason) => {
    const [got, why] = fate(resource, change);
    expect(got).toBe(expected);
    expect(why).toMatch(reason);
  });

  test('comes in the order of the kinds, then by id', () => {
    const all = [volume, { ...lb, id: 'lb-2' }, lb, { ...lb, kind: 'security-group', id: 'sg' }];
    expect(fatesOf(all, context).map((r) => r.id)).toEqual(['lb-1', 'lb-2', 'sg', 'vol-1']);
  });

  const resource: fc.Arbitrary<ExternalResource> = fc.record(
    {
      kind: fc.constantFrom('load-balancer', 'security-group', 'volume', 'odd'),
      id: fc.constantFrom('a', 'b', 'c'),
      name: fc.constantFrom('a', 'x'),
      claim: fc.constantFrom('owned' as const, 'shared' as const),
      evidence: fc.constant('tag'),
      network: fc.constantFrom('net-1', 'net-2'),
      clusterId: fc.constantFrom('id-1', 'id-2'),
      others: fc.constantFrom([], ['b']),
      createdAt: fc.constantFrom('2025-06-01T00:00:00Z', '2026-06-01T00:00:00Z'),
      usedBy: fc.constant('i-1'),
    },
    { requiredKeys: ['kind', 'id', 'name', 'claim', 'evidence'] },
  );
  const claimants = fc.constantFrom(claimant, inNet, rival);
  const wishes = fc.constantFrom<FateContext['wish']>(
    { enabled: true, problems: [] },
    { enabled: false, problems: [] },
    { enabled: true, kinds: ['volume', 'load-balancer'], problems: [] },
  );

  test('is never deletion for what another owns or shares, for what is off, in use, retained, or data nobody asked for', () => {
    fc.assert(
      fc.property(resource, claimants, wishes, fc.boolean(), fc.boolean(), (r, who, wish, known, retain) => {
        const inventory = known ? service([r.id], retain || undefined) : { items: [] };
        const decided = new Map([[`${r.kind}/${r.id}`, 'before']]);
        for (const before of [new Map<string, string>(), decided]) {
          const [got] = fatesOf([r], { ...context, claimant: who, wish, inventory, decided: before });
          if (got?.fate !== 'delete') continue;
          expect(r.clusterId ?? who.id).toBe(who.id);
          expect(r.others ?? []).toEqual([]);
          expect(r.claim).toBe('owned');
          if (r.network && who.network) expect(r.network).toBe(who.network);
          expect(wish.enabled).toBe(true);
          expect(r.usedBy).toBeUndefined();
          expect(known && retain).toBe(false);
          if (r.kind === 'volume' || r.kind === 'odd') expect(wish.kinds).toContain(r.kind);
        }
      }),
    );
  });

  test('is never deletion on a name alone while another cluster has that name', () => {
    fc.assert(
      fc.property(resource, wishes, (r, wish) => {
        const [got] = fatesOf([r], { ...context, claimant: rival, wish });
        expect(got?.fate === 'delete' && r.clusterId === undefined).toBe(false);
      }),
    );
  });
});
