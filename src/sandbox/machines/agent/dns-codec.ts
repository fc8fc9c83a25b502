/** The little of DNS (RFC 1035) that a resolver for a handful of names needs: one question in, addresses or "no such name" out. */

export const DNS_TYPE = { A: 1, PTR: 12, AAAA: 28, ANY: 255 } as const;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
const POINTER_TO_QUESTION = 0xc00c;
const RESPONSE_CODE = { noError: 0, formatError: 1, noSuchName: 3, notImplemented: 4 } as const;
const FLAG = { response: 0x8000, authoritative: 0x0400, recursionDesired: 0x0100, recursionAvailable: 0x0080 } as const;
const OPCODE_MASK = 0x7800;
/** Short, since a load balancer's address may be another after a restart of the host. */
const TTL_SECONDS = 5;

export interface DnsQuestion {
  readonly id: number;
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** What there is to know: name → IPv4 address, and back. Names in lower case without final dot. */
export interface DnsZone {
  readonly addresses: ReadonlyMap<string, string>;
  readonly names: ReadonlyMap<string, string>;
}

/** Builds the zone from name → address; the first name of an address is the one its PTR record gives. */
export function createZone(entries: Iterable<readonly [string, string]>): DnsZone {
  const addresses = new Map<string, string>();
  const names = new Map<string, string>();
  for (const [name, address] of entries) {
    const key = normalise(name);
    if (key === '') continue;
    addresses.set(key, address);
    if (!names.has(address)) names.set(address, key);
  }
  return { addresses, names };
}

/** Answers one message; undefined when it is too short or is itself an answer, which is then ignored. */
export function answerDns(message: Buffer, zone: DnsZone): Buffer | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & FLAG.response) !== 0) return undefined;
  const id = message.readUInt16BE(0);
  if ((flags & OPCODE_MASK) !== 0) return reply(id, flags, RESPONSE_CODE.notImplemented, undefined, []);
  const parsed = parseQuestion(message);
  if (!parsed) return reply(id, flags, RESPONSE_CODE.formatError, undefined, []);
  const { code, records } = lookUp(parsed.question, zone);
  return reply(id, flags, code, message.subarray(HEADER_BYTES, parsed.end), records);
}

/** A query for `name`, for tests and for checking a server. */
export function encodeQuery(id: number, name: string, type: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAG.recursionDesired, 2);
  header.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(CLASS_IN, 2);
  return Buffer.concat([header, encodeName(name), tail]);
}

/** Reads the first question; undefined when the message is malformed. Compressed names do not occur in questions. */
export function parseQuestion(message: Buffer): { question: DnsQuestion; end: number } | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) < 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    at++;
    if (length === 0) break;
    if (at + length > message.length) return undefined;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  const question = {
    id: message.readUInt16BE(0),
    name: normalise(labels.join('.')),
    type: message.readUInt16BE(at),
    class: message.readUInt16BE(at + 2),
  };
  return { question, end: at + 4 };
}

interface DnsRecord {
  readonly type: number;
  readonly data: Buffer;
}

function lookUp(question: DnsQuestion, zone: DnsZone): { code: number; records: DnsRecord[] } {
  const reverse = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(question.name);
  if (reverse) {
    const name = zone.names.get([4, 3, 2, 1].map((i) => reverse[i]).join('.'));
    if (name === undefined) return { code: RESPONSE_CODE.noSuchName, records: [] };
    return { code: RESPONSE_CODE.noError, records: wants(question, DNS_TYPE.PTR, encodeName(name)) };
  }
  const address = zone.addresses.get(question.name);
  if (address === undefined) return { code: RESPONSE_CODE.noSuchName, records: [] };
  return {
    code: RESPONSE_CODE.noError,
    records: wants(question, DNS_TYPE.A, Buffer.from(address.split('.').map(Number))),
  };
}

function wants(question: DnsQuestion, type: number, data: Buffer): DnsRecord[] {
  const asked = question.type === type || question.type === DNS_TYPE.ANY;
  return asked && question.class === CLASS_IN ? [{ type, data }] : [];
}

function reply(
  id: number,
  asked: number,
  code: number,
  question: Buffer | undefined,
  records: readonly DnsRecord[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  const echoed = asked & (OPCODE_MASK | FLAG.recursionDesired);
  header.writeUInt16BE(FLAG.response | FLAG.authoritative | FLAG.recursionAvailable | echoed | code, 2);
  header.writeUInt16BE(question ? 1 : 0, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question ?? Buffer.alloc(0), ...records.map(encodeRecord)]);
}

function encodeRecord(record: DnsRecord): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(POINTER_TO_QUESTION, 0);
  head.writeUInt16BE(record.type, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(record.data.length, 10);
  return Buffer.concat([head, record.data]);
}

function encodeName(name: string): Buffer {
  const labels = normalise(name)
    .split('.')
    .filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
