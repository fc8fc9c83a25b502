import { describe, expect, test } from '@jest/globals';
import { ChangeHub, clusterTopic, objectTopic, ownerTopic, topicsOf } from './changes.js';

const never = new AbortController().signal;

describe('waiting for changes', () => {
  test('ends with the change of any of its topics, and of no other', async () => {
    const hub = new ChangeHub();
    const ends: string[] = [];
    const waits = ['a', 'b'].map((topic) =>
      hub.next([topic, 'both'], hub.mark(), never).then(() => void ends.push(topic)),
    );
    hub.tell(['c']);
    hub.tell(['b']);
    await waits[1];
    expect(ends).toEqual(['b']);
    hub.tell(['both']);
    await waits[0];
    expect(ends).toEqual(['b', 'a']);
  });

  test('misses nothing that was told since the mark, and ends for nothing before it', async () => {
    const hub = new ChangeHub();
    hub.tell(['a']);
    const mark = hub.mark();
    let ended = false;
    const wait = hub.next(['a'], mark, never).then(() => {
      ended = true;
    });
    await Promise.resolve();
    expect(ended).toBe(false);
    hub.tell(['a']);
    await wait;
    await hub.next(['a'], mark, never);
  });

  test('is cancelled with the reason of its signal', async () => {
    const hub = new ChangeHub();
    const abort = new AbortController();
    const wait = hub.next(['a'], hub.mark(), abort.signal);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(wait).rejects.toBe(reason);
    await expect(hub.next(['a'], -1, abort.signal)).rejects.toBe(reason);
    hub.tell(['a']);
  });

  test('forgets old changes only when very many came after them', async () => {
    const hub = new ChangeHub();
    hub.tell(['old']);
    for (let i = 0; i < 60_000; i++) hub.tell([`n${i}`]);
    await hub.next(['n59999'], 0, never);
    const abort = new AbortController();
    const forgotten = hub.next(['old'], 0, abort.signal);
    abort.abort(new Error('forgotten'));
    await expect(forgotten).rejects.toThrow('forgotten');
  });
});

test('an object tells of itself, to its owners, and in its cluster', () => {
  const machine = {
    apiVersion: 'v1',
    kind: '',
    metadata: {
      namespace: 'ns',
      name: 'm',
      labels: { 'cluster.x-k8s.io/cluster-name': 'demo' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'MachineSet', name: 's', uid: 'u', controller: true }],
    },
  };
  expect(topicsOf('Machine', machine)).toEqual([
    objectTopic({ kind: 'Machine', namespace: 'ns', name: 'm' }),
    ownerTopic('u'),
    clusterTopic('ns', 'demo'),
  ]);
  const cluster = { apiVersion: 'v1', kind: '', metadata: { namespace: 'ns', name: 'demo' } };
  expect(topicsOf('Cluster', cluster)).toContain(clusterTopic('ns', 'demo'));
});
