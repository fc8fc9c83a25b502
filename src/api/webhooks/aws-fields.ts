import { parseSelector } from '../../domain/selectors.js';
import type { AWSTags, ElasticIPPool, IngressRule, LabelSelector } from '../types/aws.js';
import { parseCidr } from './cidr.js';
import { type FieldError, forbidden, invalid, required } from './field-errors.js';

const TAG_TEXT = /^[a-zA-Z0-9\s_.:=+\-@/]*$/;
const TAG_CHARACTERS = 'letters, digits, spaces and _ . : / = + - @';
const MAX_TAGS = 50;

/** Rules of AWS for user tags. Source: capa api/v1beta2/tags.go. */
export function checkTags(tags: AWSTags | undefined, path: string): FieldError[] {
  const errors = Object.entries(tags ?? {}).flatMap(([key, value]) => checkTag(key, value, path));
  const count = Object.keys(tags ?? {}).length;
  if (count > MAX_TAGS)
    errors.push(invalid(path, count, `AWS takes at most ${MAX_TAGS} tags: remove ${count - MAX_TAGS}`));
  return errors;
}

function checkTag(key: string, value: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (key === '') errors.push(invalid(path, key, 'a tag key cannot be empty'));
  if (key.length > 128) errors.push(invalid(path, key, 'a tag key can have at most 128 characters'));
  if (value.length > 256) errors.push(invalid(path, value, 'a tag value can have at most 256 characters'));
  if (key.startsWith('aws:'))
    errors.push(invalid(path, key, "keys with prefix 'aws:' are reserved by AWS: choose another key"));
  if (!TAG_TEXT.test(key)) errors.push(invalid(path, key, `a tag key may only have ${TAG_CHARACTERS}`));
  if (!TAG_TEXT.test(value)) errors.push(invalid(path, value, `a tag value may only have ${TAG_CHARACTERS}`));
  return errors;
}

const SSH_KEY_NAME = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

/** Absent and empty are fine; else printable ASCII without blanks at the ends. */
export function checkSSHKeyName(name: string | undefined, path: string): FieldError[] {
  if (name === undefined || name === '' || SSH_KEY_NAME.test(name)) return [];
  return [invalid(path, name, 'must be printable ASCII and must not start or end with a blank')];
}

/** One block; `family` restricts it to IPv4 or IPv6. */
export function checkCidr(text: string, path: string, family?: 4 | 6): FieldError[] {
  const cidr = parseCidr(text);
  if (!cidr) return [invalid(path, text, 'is not a CIDR block, e.g. 10.0.0.0/16')];
  if (family !== undefined && cidr.family !== family)
    return [invalid(path, text, `must be an IPv${family} CIDR block`)];
  return [];
}

export function checkCidrs(blocks: readonly string[] | undefined, path: string, family?: 4 | 6): FieldError[] {
  return (blocks ?? []).flatMap((block, i) => checkCidr(block, `${path}[${i}]`, family));
}

/** Sources of a rule exclude each other. Source: capa webhooks/awscluster_webhook.go. */
export function checkIngressRules(rules: readonly IngressRule[] | undefined, path: string): FieldError[] {
  return (rules ?? []).flatMap((rule, i) => checkIngressRule(rule, `${path}[${i}]`));
}

function checkIngressRule(rule: IngressRule, path: string): FieldError[] {
  const byBlock = rule.cidrBlocks !== undefined || rule.ipv6CidrBlocks !== undefined;
  const byGroup = rule.sourceSecurityGroupIds !== undefined || rule.sourceSecurityGroupRoles !== undefined;
  const errors = [
    ...checkCidrs(rule.cidrBlocks, `${path}.cidrBlocks`, 4),
    ...checkCidrs(rule.ipv6CidrBlocks, `${path}.ipv6CidrBlocks`, 6),
  ];
  if (rule.natGatewaysIPsSource && (byBlock || byGroup)) {
    const message = 'natGatewaysIPsSource excludes CIDR blocks and security groups: make one rule for each source';
    errors.push(invalid(path, rule.description, message));
  } else if (byBlock && byGroup) {
    errors.push(
      invalid(path, rule.description, 'CIDR blocks and security groups exclude each other: make one rule for each'),
    );
  }
  return errors;
}

/** Pool and fallback go together. */
export function checkElasticIpPool(pool: ElasticIPPool | undefined, path: string): FieldError[] {
  if (!pool) return [];
  const errors: FieldError[] = [];
  if (pool.publicIpv4Pool !== undefined && !pool.publicIpv4Pool.startsWith('ipv4pool-ec2-')) {
    errors.push(invalid(`${path}.publicIpv4Pool`, pool.publicIpv4Pool, "must start with 'ipv4pool-ec2-'"));
  }
  if (pool.publicIpv4Pool !== undefined && pool.publicIpv4PoolFallbackOrder === undefined) {
    errors.push(required(`${path}.publicIpv4PoolFallbackOrder`, 'say amazon-pool or none when publicIpv4Pool is set'));
  }
  if (pool.publicIpv4Pool === undefined && pool.publicIpv4PoolFallbackOrder !== undefined) {
    errors.push(required(`${path}.publicIpv4Pool`, 'name the pool when publicIpv4PoolFallbackOrder is set'));
  }
  return errors;
}

/** The selector of allowed namespaces has to parse. */
export function checkNamespaceSelector(selector: LabelSelector | undefined, path: string): FieldError[] {
  const parsed = parseSelector(selector);
  return 'error' in parsed ? [invalid(path, selector, parsed.error)] : [];
}

/** An id and filters exclude each other. */
export function checkReference(
  reference: { id?: string; filters?: unknown[] } | undefined,
  path: string,
): FieldError[] {
  if (reference?.id === undefined || (reference.filters ?? []).length === 0) return [];
  return [forbidden(path, 'only one of id and filters may be set: remove the other')];
}
