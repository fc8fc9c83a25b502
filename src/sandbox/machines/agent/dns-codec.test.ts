import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerDns, createZone, DNS_TYPE, encodeQuery, parseQuestion } from './dns-codec.js';

const zone = createZone([
  ['api.elb.example.com.', '198.18.1.2'],
  ['IP-10-0-0-5.ec2.internal', '10.0.0.5'],
]);

function ask(name: string, type: number): { code: number; answers: number; data: number[] } {
  const answer = answerDns(encodeQuery(7, name, type), zone);
  if (!answer) throw new Error('no answer');
  expect(answer.readUInt16BE(0)).toBe(7);
  const answers = answer.readUInt16BE(6);
  return {
    code: answer.readUInt16BE(2) & 0xf,
    answers,
    data: answers === 0 ? [] : [...answer.subarray(answer.length - 4)],
  };
}

describe('answerDns', () => {
  test('gives the address of a known name, whatever its case', () => {
    expect(ask('API.elb.example.com', DNS_TYPE.A)).toEqual({ code: 0, answers: 1, data: [198, 18, 1, 2] });
    expect(ask('ip-10-0-0-5.ec2.internal', DNS_TYPE.ANY)).toEqual({ code: 0, answers: 1, data: [10, 0, 0, 5] });
  });
  test('knows that a known name has no IPv6 address', () =>
    expect(ask('api.elb.example.com', DNS_TYPE.AAAA)).toMatchObject({ code: 0, answers: 0 }));
  test('refuses every other name at once', () =>
    expect(ask('registry.k8s.io', DNS_TYPE.A)).toMatchObject({ code: 3, answers: 0 }));
  test('gives the name of an address', () => {
    const answer = answerDns(encodeQuery(1, '5.0.0.10.in-addr.arpa', DNS_TYPE.PTR), zone);
    expect(answer?.toString('latin1')).toContain('\x0dip-10-0-0-5\x03ec2\x08internal\0'.replace('\x0d', '\x0b'));
    expect(ask('6.0.0.10.in-addr.arpa', DNS_TYPE.PTR)).toMatchObject({ code: 3 });
  });
  test('ignores answers and what is too short', () => {
    const query = encodeQuery(1, 'x', DNS_TYPE.A);
    query.writeUInt16BE(0x8000, 2);
    expect(answerDns(query, zone)).toBeUndefined();
    expect(answerDns(Buffer.from([1, 2, 3]), zone)).toBeUndefined();
  });
  test('answers other operations with "not implemented" and cut messages with "format error"', () => {
    const update = encodeQuery(1, 'x', DNS_TYPE.A);
    update.writeUInt16BE(5 << 11, 2);
    expect(answerDns(update, zone)?.readUInt16BE(2)).toBe(0x8000 | (5 << 11) | 0x0480 | 4);
    const cut = encodeQuery(1, 'example.com', DNS_TYPE.A).subarray(0, 16);
    expect((answerDns(cut, zone)?.readUInt16BE(2) ?? 0) & 0xf).toBe(1);
  });
  test('reads back every name it writes, and never throws on noise', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), fc.nat(0xffff), (labels, type) => {
        const query = encodeQuery(9, labels.join('.'), type);
        expect(parseQuestion(query)?.question).toEqual({ id: 9, name: labels.join('.'), type, class: 1 });
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void answerDns(Buffer.from(bytes), zone)));
  });
});
