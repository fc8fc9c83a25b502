import { describe, expect, test } from '@jest/globals';
import { PerdureError } from '../../domain/errors.js';
import type { InfraProvider } from '../providers/port.js';
import { classifiedFor } from './about.js';

const provider = { classify: (error: unknown) => error as PerdureError } as unknown as InfraProvider;
const object = { apiVersion: 'x/v1', kind: 'AWSMachine', metadata: { namespace: 'default', name: 'm' } };

describe('the error of a cloud call', () => {
  test('names the object it was made for and keeps type, details and delay', () => {
    const error = new PerdureError('QuotaExceeded', 'RunInstances: VcpuLimitExceeded: no more', {
      details: { code: 'VcpuLimitExceeded' },
      retryAfterMs: 5,
    });
    expect(classifiedFor(provider, object, error)).toMatchObject({
      type: 'QuotaExceeded',
      message: 'AWSMachine default/m: RunInstances: VcpuLimitExceeded: no more',
      details: { code: 'VcpuLimitExceeded' },
      retryAfterMs: 5,
    });
  });

  test.each([
    ['InvalidConfiguration', 'AWSMachine default/m: spec.instanceType t9 is not offered'],
    ['NotYet', 'waiting'],
    ['Throttled', 'RequestLimitExceeded'],
  ] as const)('stays as it is when it names the object or is about the account: %s', (type, message) => {
    const error = new PerdureError(type, message);
    expect(classifiedFor(provider, object, error)).toBe(error);
  });
});
