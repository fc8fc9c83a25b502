import { describe, expect, test } from '@jest/globals';
import { FAILURE_TYPES, notYet } from '../../../domain/errors.js';
import { classify, codeOf, hasCode, isAbsent, isNotVisibleYet, isUnreachable } from './errors.js';

const awsError = (code: string, status = 400, extra: object = {}): Error =>
  Object.assign(new Error(`${code} happened`), {
    name: code,
    $metadata: { httpStatusCode: status, requestId: 'r-1' },
    ...extra,
  });

describe('classify', () => {
  test.each([
    ['RequestLimitExceeded', 503, 'Throttled'],
    ['Throttling', 400, 'Throttled'],
    ['ThrottlingException', 400, 'Throttled'],
    ['DependencyThrottleException', 400, 'Throttled'],
    ['UnauthorizedOperation', 403, 'Unauthorized'],
    ['AccessDeniedException', 400, 'Unauthorized'],
    ['ExpiredToken', 400, 'Unauthorized'],
    ['CredentialsProviderError', 0, 'Unauthorized'],
    ['InsufficientInstanceCapacity', 500, 'InsufficientCapacity'],
    ['InsufficientFreeAddressesInSubnet', 400, 'InsufficientCapacity'],
    ['VpcLimitExceeded', 400, 'QuotaExceeded'],
    ['NatGatewayLimitExceeded', 400, 'QuotaExceeded'],
    ['TooManyLoadBalancersException', 400, 'QuotaExceeded'],
    ['VcpuLimitExceeded', 400, 'QuotaExceeded'],
    ['InvalidVpcID.NotFound', 400, 'NotFound'],
    ['LoadBalancerNotFoundException', 400, 'NotFound'],
    ['AccessPointNotFoundException', 400, 'NotFound'],
    ['ResourceNotFoundException', 400, 'NotFound'],
    ['InvalidAMIID.NotFound', 400, 'InvalidConfiguration'],
    ['InvalidKeyPair.NotFound', 400, 'InvalidConfiguration'],
    ['InvalidParameterValue', 400, 'InvalidConfiguration'],
    ['InvalidSubnet.Range', 400, 'InvalidConfiguration'],
    ['InvalidGroup.Duplicate', 400, 'Conflict'],
    ['IdempotentParameterMismatch', 400, 'Conflict'],
    ['DependencyViolation', 400, 'Transient'],
    ['IncorrectState', 400, 'Transient'],
    ['InternalError', 500, 'Transient'],
    ['SomethingNew', 500, 'Transient'],
    ['SomethingNew', 429, 'Throttled'],
    ['SomethingNew', 403, 'Unauthorized'],
    ['SomethingNew', 404, 'NotFound'],
    ['SomethingNew', 400, 'InvalidConfiguration'],
    ['TimeoutError', 0, 'Transient'],
  ])('%s with status %i is %s', (code, status, type) => {
    const error = classify(awsError(code, status || undefined));
    expect(error.type).toBe(type);
    expect(FAILURE_TYPES).toContain(error.type);
    expect(error.details).toMatchObject({ code });
  });

  test('names operation, code, request id and remedy', () => {
    const error = classify(awsError('InvalidKeyPair.NotFound', 400, { operation: 'RunInstances' }));
    expect(error.message).toBe(
      'RunInstances: InvalidKeyPair.NotFound: InvalidKeyPair.NotFound happened; create the key pair or set sshKeyName (empty for none)',
    );
    expect(error.details).toEqual({ code: 'InvalidKeyPair.NotFound', operation: 'RunInstances', requestId: 'r-1' });
  });

  test('waits as long as a throttling server wishes, else some seconds that differ', () => {
    expect(classify(awsError('Throttling', 400, { $response: { headers: { 'retry-after': '7' } } })).retryAfterMs).toBe(
      7_000,
    );
    const waits = Array.from({ length: 20 }, () => classify(awsError('Throttling')).retryAfterMs ?? 0);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(3_000);
    expect(Math.max(...waits)).toBeLessThan(6_000);
    expect(new Set(waits).size).toBeGreaterThan(1);
  });

  test('leaves our own errors alone, and takes what is unknown for a bug', () => {
    const own = notYet('later');
    expect(classify(own)).toBe(own);
    expect(classify(new TypeError('x is undefined')).type).toBe('Bug');
    expect(classify('text').type).toBe('Bug');
  });
});

describe('codes', () => {
  test('come from the name, with or without Exception', () => {
    expect(codeOf(awsError('AccessPointNotFoundException'))).toBe('AccessPointNotFoundException');
    expect(hasCode(awsError('LoadBalancerNotFoundException'), 'LoadBalancerNotFound')).toBe(true);
    expect(codeOf(new Error('AWS SDK error wrapper for TimeoutError: socket hang up'))).toBe('TimeoutError');
    expect(codeOf(notYet('x'))).toBe('');
  });

  test('tell absence, and what is only not visible yet', () => {
    expect(isAbsent(awsError('InvalidInstanceID.NotFound'))).toBe(true);
    expect(isAbsent(awsError('DependencyViolation'))).toBe(false);
    expect(isNotVisibleYet(awsError('InvalidVpcID.NotFound'))).toBe(true);
    expect(isNotVisibleYet(awsError('LoadBalancerNotFoundException'))).toBe(true);
    expect(isNotVisibleYet(awsError('InvalidParameterValue'))).toBe(false);
  });
});

test.each([
  [Object.assign(new Error('getaddrinfo ENOTFOUND route53.amazonaws.com'), { code: 'ENOTFOUND' }), true],
  [new Error('AWS SDK error wrapper for Error: connect ECONNREFUSED 127.0.0.1:9'), true],
  [Object.assign(new Error('slow'), { name: 'TimeoutError' }), true],
  [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), false],
  [new Error('other'), false],
  ['ENOTFOUND', false],
])('%s: nobody answers: %s', (error, unreachable) => {
  expect(isUnreachable(error)).toBe(unreachable);
});
