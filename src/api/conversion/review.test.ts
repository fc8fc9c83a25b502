import { describe, expect, test } from '@jest/globals';
import { createApiVersionResolver } from './resolver.js';
import { convertReview } from './review.js';

const review = (desiredAPIVersion: unknown, objects: unknown) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'ConversionReview',
  request: { uid: 'u-1', desiredAPIVersion, objects },
});
const resolver = async (group: string): Promise<string> => `${group}/v1beta7`;
const hub = (name: string) => ({
  apiVersion: 'cluster.x-k8s.io/v1beta2',
  kind: 'Cluster',
  metadata: { name, namespace: 'n' },
  spec: { infrastructureRef: { apiGroup: 'g.io', kind: 'Infra', name: 'i' } },
});

describe('convertReview', () => {
  test('converts all objects down with the versions that were looked up', async () => {
    const answer = await convertReview(review('cluster.x-k8s.io/v1beta1', [hub('a'), hub('b')]), resolver);
    expect(answer).toMatchObject({ kind: 'ConversionReview', response: { uid: 'u-1', result: { status: 'Success' } } });
    expect(answer.response.convertedObjects).toMatchObject(
      ['a', 'b'].map((name) => ({
        apiVersion: 'cluster.x-k8s.io/v1beta1',
        metadata: { name },
        spec: { infrastructureRef: { apiVersion: 'g.io/v1beta7' } },
      })),
    );
  });

  test('and up again to the same objects', async () => {
    const down = await convertReview(review('cluster.x-k8s.io/v1beta1', [hub('a')]), resolver);
    const up = await convertReview(review('cluster.x-k8s.io/v1beta2', down.response.convertedObjects), resolver);
    expect(up.response.convertedObjects).toEqual([hub('a')]);
  });

  test('leaves objects alone that have the version already, of any kind', async () => {
    const aws = { apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2', kind: 'AWSCluster', metadata: { name: 'a' } };
    const answer = await convertReview(review('infrastructure.cluster.x-k8s.io/v1beta2', [aws]), resolver);
    expect(answer.response.convertedObjects).toEqual([aws]);
  });

  test.each([
    [
      'an unknown version',
      review('cluster.x-k8s.io/v1alpha4', [hub('a')]),
      'Cluster n/a: no conversion from cluster.x-k8s.io/v1beta2',
    ],
    ['another group', review('example.com/v1beta1', [hub('a')]), 'no conversion from'],
    [
      'an object without kind',
      review('cluster.x-k8s.io/v1beta1', [{ apiVersion: 'x/v1' }]),
      'without apiVersion and kind',
    ],
    ['no objects', review('cluster.x-k8s.io/v1beta1', undefined), 'no request with desiredAPIVersion and objects'],
    ['no review', 'nonsense', 'no request'],
    [
      'a field that cannot be converted',
      review('cluster.x-k8s.io/v1beta2', [
        { ...hub('a'), apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Machine', spec: { nodeDrainTimeout: 'soon' } },
      ]),
      'Machine n/a: field spec.nodeDrainTimeout: "soon" is no duration',
    ],
  ])('refuses %s and says why', async (_what, input, message) => {
    const { response } = await convertReview(input, resolver);
    expect(response.result.status).toBe('Failure');
    expect(response.result.message).toContain(message);
    expect(response.convertedObjects).toBeUndefined();
  });

  test('reports a defect without showing the object', async () => {
    const defects: unknown[] = [];
    const broken = async (): Promise<string> => {
      throw new Error('boom with secrets');
    };
    const { response } = await convertReview(review('cluster.x-k8s.io/v1beta1', [hub('a')]), broken, (e) =>
      defects.push(e),
    );
    expect(response.result.message).toBe(
      'Cluster n/a: cannot be converted, which is a defect of the conversion webhook: see its log',
    );
    expect(defects).toHaveLength(1);
  });
});

describe('createApiVersionResolver', () => {
  test('asks once, again after a while, and again soon after a failure', async () => {
    let now = 0;
    const answers: (string | undefined | Error)[] = ['g/v2', 'g/v3', undefined, new Error('unreachable'), 'g/v4'];
    let asked = 0;
    const resolve = createApiVersionResolver(
      async () => {
        const answer = answers[asked++];
        if (answer instanceof Error) throw answer;
        return answer;
      },
      { ttlMs: 100, retryMs: 10, now: () => now },
    );
    const at = async (time: number): Promise<string> => {
      now = time;
      return resolve('g', 'K');
    };
    expect(await Promise.all([at(0), at(0)])).toEqual(['g/v2', 'g/v2']);
    expect(await at(99)).toBe('g/v2');
    expect(await at(100)).toBe('g/v3');
    expect(await at(200)).toBe('g/v1beta2');
    expect(await at(209)).toBe('g/v1beta2');
    expect(await at(210)).toBe('g/v1beta2');
    expect(await at(220)).toBe('g/v4');
    expect(asked).toBe(5);
  });
});
