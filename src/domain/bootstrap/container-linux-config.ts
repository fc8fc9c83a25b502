import { parse } from 'yaml';
import { PerdureError } from '../errors.js';

/** An Ignition config, or a part of one. */
export type Config = Record<string, unknown>;

const FIELD = 'spec.ignition.containerLinuxConfig.additionalConfig';

/** Members that each list knows, in the notation of Container Linux Config. Source: its configuration specification. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'passwd.users': [
    ...['name', 'password_hash', 'ssh_authorized_keys', 'uid', 'gecos', 'home_dir', 'no_create_home', 'primary_group'],
    ...['groups', 'no_user_group', 'no_log_init', 'shell', 'system'],
  ],
  'passwd.groups': ['name', 'gid', 'password_hash', 'system'],
  'storage.disks': ['device', 'wipe_table', 'partitions'],
  'storage.filesystems': ['name', 'mount', 'path'],
  'storage.files': ['filesystem', 'path', 'contents', 'mode', 'user', 'group', 'append', 'overwrite'],
  'storage.directories': ['filesystem', 'path', 'mode', 'user', 'group', 'overwrite'],
  'storage.links': ['filesystem', 'path', 'target', 'hard', 'user', 'group', 'overwrite'],
  'systemd.units': ['name', 'enable', 'enabled', 'mask', 'contents', 'dropins'],
  'networkd.units': ['name', 'contents', 'dropins'],
};

interface Reading {
  /** Unknown members are an error; else they are left out, as upstream leaves them. */
  readonly strict: boolean;
  /** `KubeadmConfig namespace/name`, for messages. */
  readonly what: string;
}

/**
 * Container Linux Config (YAML) → Ignition 2.3, for what machines of a cluster need: users, groups, disks, file systems, files, directories, links, units.
 * Sections that stand for whole services (etcd, flannel, docker, update, locksmith) are refused: they would need a translation each. Throws
 * `InvalidConfiguration`; no message quotes the text, which may hold secrets.
 */
export function readContainerLinuxConfig(text: string, reading: Reading): Config {
  const config = section(yaml(text, reading), '', reading);
  const found: Config = {};
  for (const [name, value] of Object.entries(config)) {
    if (name === 'ignition') continue;
    const lists = Object.keys(KNOWN).filter((key) => key.startsWith(`${name}.`));
    if (lists.length === 0) throw wrong(reading, `section "${name}" is not supported; use files and units instead`);
    const members = section(value, name, reading);
    found[name] = Object.fromEntries(
      Object.entries(members).flatMap(([member, items]) => {
        const key = `${name}.${member}`;
        if (!lists.includes(key)) {
          if (reading.strict) throw wrong(reading, `${key} is unknown`);
          return [];
        }
        if (!Array.isArray(items)) throw wrong(reading, `${key} must be a list`);
        return [[member, items.map((item, index) => entry(key, item, index, reading))]];
      }),
    );
  }
  return found;
}

function yaml(text: string, reading: Reading): unknown {
  try {
    return parse(text) ?? {};
  } catch (error) {
    const at = (error as { linePos?: { line: number }[] }).linePos?.[0]?.line;
    throw wrong(reading, `is not YAML${at === undefined ? '' : `, line ${at}`}`);
  }
}

function wrong({ what }: Reading, problem: string): PerdureError {
  return new PerdureError('InvalidConfiguration', `${what}: ${FIELD}: ${problem}`, { details: { field: FIELD } });
}

function section(value: unknown, name: string, reading: Reading): Config {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(reading, `${name || 'the document'} must be a map`);
  return value as Config;
}

function entry(list: string, value: unknown, index: number, reading: Reading): Config {
  const at = `${list}[${index}]`;
  const known = KNOWN[list] ?? [];
  const members = Object.entries(section(value, at, reading)).flatMap(([member, content]) => {
    if (!known.includes(member)) {
      if (reading.strict) throw wrong(reading, `${at}.${member} is unknown`);
      return [];
    }
    if (member === 'contents' && list === 'storage.files') return [['contents', contents(content, at, reading)]];
    // upstream's two words for one thing
    if (member === 'enable') return [['enabled', content]];
    return [[camel(member), camelDeep(content)]];
  });
  const found = Object.fromEntries(members) as Config;
  return list.startsWith('storage.') && known.includes('filesystem') ? { filesystem: 'root', ...found } : found;
}

/** A file's content: given in the text, or fetched from an address. */
function contents(value: unknown, at: string, reading: Reading): Config {
  const { inline, remote, ...others } = section(value, `${at}.contents`, reading);
  if (typeof inline === 'string') return { source: `data:;base64,${Buffer.from(inline).toString('base64')}` };
  const source = typeof remote === 'object' && remote !== null ? (remote as Config) : undefined;
  if (typeof source?.['url'] === 'string') {
    const { url, ...rest } = source;
    return { source: url, ...(camelDeep(rest) as Config) };
  }
  if (reading.strict || Object.keys(others).length > 0)
    throw wrong(reading, `${at}.contents needs inline or remote.url`);
  return { source: 'data:,' };
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function camelDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camel(key), camelDeep(inner)]));
}

/** Two configs as one: lists follow each other, units of one name become one, as their drop-ins would otherwise be lost on some versions. */
export function mergeConfigs(base: Config, extra: Config): Config {
  const merged: Config = { ...base };
  for (const [name, value] of Object.entries(extra)) {
    const before = merged[name];
    if (Array.isArray(before) && Array.isArray(value)) merged[name] = byName([...before, ...value]);
    else if (isMap(before) && isMap(value)) merged[name] = mergeConfigs(before, value);
    else merged[name] = value;
  }
  return merged;
}

function isMap(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byName(items: readonly unknown[]): unknown[] {
  const found: Config[] = [];
  for (const item of items as Config[]) {
    const same = found.findIndex((one) => one['name'] !== undefined && one['name'] === item['name']);
    if (same === -1) found.push(item);
    else found[same] = mergeConfigs(found[same] ?? {}, item);
  }
  return found;
}
