import { describe, expect, test } from '@jest/globals';
import { FakeKube } from '../../../test/helpers/fake-kube.js';
import { aCluster } from '../../../test/helpers/fake-objects.js';
import { KINDS } from '../../api/types/kinds.js';
import { PerdureError } from '../../domain/errors.js';
import type { KubeClient } from '../../kube/client.js';
import type { Secret } from '../bootstrap/secrets.js';
import { createWorkloadClients } from './client.js';

const ref = { namespace: 'default', name: 'demo-kubeconfig' };
const signal = new AbortController().signal;

function setup() {
  const kube = new FakeKube();
  const cluster = kube.put(aCluster());
  const workload = new FakeKube();
  const opened: string[] = [];
  const closed: string[] = [];
  let now = 0;
  const connect = (kubeconfig: string): KubeClient => {
    opened.push(kubeconfig);
    const rest = {
      access: { server: 'https://demo.example.test:6443' },
      close: () => Promise.resolve(void closed.push(kubeconfig)),
    };
    return { ...rest, raw: workload.raw.bind(workload) } as unknown as KubeClient;
  };
  const clients = createWorkloadClients(kube, undefined, { connect, clock: () => now });
  const write = (text: string, key = 'value'): void => {
    kube.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: ref,
      data: { [key]: Buffer.from(text).toString('base64') },
    } as Secret);
  };
  return {
    kube,
    cluster,
    workload,
    clients,
    opened,
    closed,
    write,
    pass: (ms: number) => (now += ms),
    get: () => clients.get(cluster, signal),
  };
}

describe('createWorkloadClients', () => {
  test('one connection per cluster, checked again every ten seconds', async () => {
    const { get, opened, write, workload, pass } = setup();
    write('first');
    const client = await get();
    expect(await get()).toBe(client);
    expect(workload.calls).toHaveLength(1);
    pass(10_000);
    expect(await get()).toBe(client);
    expect(workload.calls).toHaveLength(2);
    expect(opened).toEqual(['first']);
  });

  test('calls at the same time share one connection', async () => {
    const { get, opened, closed, write } = setup();
    write('first');
    const [a, b] = await Promise.all([get(), get()]);
    expect(a).toBe(b);
    expect([opened, closed]).toEqual([['first'], []]);
  });

  test('a renewed kubeconfig replaces the connection', async () => {
    const { get, opened, closed, write, pass } = setup();
    write('first');
    await get();
    write('second');
    await get();
    expect(opened).toEqual(['first']);
    pass(10_000);
    await get();
    expect([opened, closed]).toEqual([['first', 'second'], ['first']]);
  });

  test('a Secret that changes only its metadata does not', async () => {
    const { get, opened, write, pass } = setup();
    write('first');
    await get();
    write('first');
    pass(10_000);
    await get();
    expect(opened).toEqual(['first']);
  });

  test.each([
    ['no Secret', () => {}, /secret default\/demo-kubeconfig does not exist yet/],
    [
      'no key',
      (w: ReturnType<typeof setup>) => w.write('x', 'other'),
      /secret default\/demo-kubeconfig has no key value/,
    ],
  ])('%s is a wait', async (_what, prepare, message) => {
    const world = setup();
    prepare(world);
    await expect(world.get()).rejects.toMatchObject({ type: 'Transient', message: expect.stringMatching(message) });
  });

  test.each([
    [
      new PerdureError('Transient', 'connect ECONNREFUSED'),
      /API server of cluster default\/demo at https:\/\/demo\.example\.test:6443 does not answer: connect ECONNREFUSED/,
    ],
    [
      new PerdureError('Unauthorized', '401', { details: { status: 401 } }),
      /refuses the credentials in secret default\/demo-kubeconfig \(401\); delete the secret/,
    ],
  ])(
    'an API server that fails is Transient with the reason, and asked again by the next call',
    async (failure, message) => {
      const { get, write, workload } = setup();
      write('first');
      workload.failNext({ verb: 'raw' }, failure);
      await expect(get()).rejects.toMatchObject({ type: 'Transient', message: expect.stringMatching(message) });
      await expect(get()).resolves.toBeDefined();
    },
  );

  test('closing ends all connections', async () => {
    const { get, clients, closed, write } = setup();
    write('first');
    await get();
    await clients.close();
    expect(closed).toEqual(['first']);
  });

  test('the kubeconfig is read from the cluster of the same name in its namespace only', async () => {
    const { clients, kube, write } = setup();
    write('first');
    const other = kube.put({ ...aCluster(), metadata: { ...aCluster().metadata, namespace: 'other' } });
    await expect(clients.get(other, signal)).rejects.toThrow(/secret other\/demo-kubeconfig does not exist/);
    expect(kube.peek(KINDS.Secret, ref)).toBeDefined();
  });
});
