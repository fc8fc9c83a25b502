import { expect, test } from '@jest/globals';
import { instanceChange } from './instance-events.js';

const event = (change: object = {}): string =>
  JSON.stringify({ source: 'aws.ec2', detail: { 'instance-id': 'i-1', state: 'terminated' }, ...change });

test.each<[string, string | undefined, ReturnType<typeof instanceChange>]>([
  ['an event', event(), { instance: 'i-1', state: 'terminated' }],
  ['one of another source', event({ source: 'aws.s3' }), undefined],
  ['one without a state', event({ detail: { 'instance-id': 'i-1' } }), undefined],
  ['one without detail', event({ detail: undefined }), undefined],
  ['no JSON', 'hello', undefined],
  ['nothing', undefined, undefined],
])('%s', (_, body, expected) => {
  expect(instanceChange(body)).toEqual(expected);
});
