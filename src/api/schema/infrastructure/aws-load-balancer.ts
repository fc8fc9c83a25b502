import { flag, int64, list, listMap, obj, oneOf, stringMap, text } from '../lib.js';
import { ingressRules, names, tags } from './aws-common.js';

const PROTOCOLS = ['TCP', 'SSL', 'HTTP', 'HTTPS', 'TLS', 'UDP'] as const;

function healthCheckCounters() {
  return {
    intervalSeconds: int64('Seconds between checks of a target.', { minimum: 5, maximum: 300 }),
    timeoutSeconds: int64('Seconds without an answer that count as a failed check.', { minimum: 2, maximum: 120 }),
    thresholdCount: int64('Successful checks in a row that make a target healthy.', { minimum: 2, maximum: 10 }),
    unhealthyThresholdCount: int64('Failed checks in a row that make a target unhealthy.', { minimum: 2, maximum: 10 }),
  };
}

function targetGroupIPType() {
  return oneOf(
    'Address family of the targets; default ipv4, or ipv6 when the VPC has IPv6. Not for classic load balancers.',
    ['ipv4', 'ipv6'],
  );
}

function additionalListener() {
  return obj(
    'A further listener.',
    { port: int64('Port of the listener and of its targets.', { minimum: 1, maximum: 65_535 }) },
    {
      protocol: oneOf('Protocol of the listener.', ['TCP'], { default: 'TCP' }),
      healthCheck: obj(
        'Health check of the targets.',
        {},
        {
          protocol: oneOf('Protocol of the check; default that of the listener.', ['TCP', 'HTTP', 'HTTPS']),
          port: text('Port of the check; default that of the listener.'),
          path: text('Path of an HTTP or HTTPS check.'),
          ...healthCheckCounters(),
        },
      ),
      targetGroupIPType: targetGroupIPType(),
    },
  );
}

const KEEP_IDENTITY = [
  {
    rule: 'has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)',
    message: 'name cannot be changed: the load balancer would have to be replaced',
  },
  {
    rule: "(self.loadBalancerType == 'disabled') == (oldSelf.loadBalancerType == 'disabled')",
    message: 'loadBalancerType cannot be changed from or to disabled',
  },
];

/** What upstream's webhook gives each of the two. Its CRD gives the second one the first one's, which that webhook then refuses. */
const DEFAULTS = {
  primary: { scheme: 'internet-facing', type: 'classic' },
  secondary: { scheme: 'internal', type: 'nlb' },
} as const;

/** A control plane load balancer of an AWSCluster. `immutable` adds the rules that compare with the stored object. */
export function loadBalancerSpec(description: string, slot: keyof typeof DEFAULTS, immutable: boolean) {
  const defaults = DEFAULTS[slot];
  return obj(
    description,
    {},
    {
      name: text(
        'Name of the load balancer, unique in the account and region; default made from the cluster. Cannot be changed.',
        {
          maxLength: 32,
          pattern: '^[A-Za-z0-9]([A-Za-z0-9]{0,31}|[-A-Za-z0-9]{0,30}[A-Za-z0-9])$',
        },
      ),
      scheme: oneOf(
        'Whether the load balancer has public addresses. Cannot be changed.',
        ['internet-facing', 'internal'],
        {
          default: defaults.scheme,
        },
      ),
      loadBalancerType: oneOf(
        'Type of the load balancer; disabled makes none.',
        ['classic', 'elb', 'alb', 'nlb', 'disabled'],
        {
          default: defaults.type,
        },
      ),
      crossZoneLoadBalancing: flag('Spreads connections over the targets of all zones.'),
      subnets: list('Subnets of the load balancer; default one in every zone.', text('Subnet id or name.')),
      healthCheckProtocol: oneOf('Protocol of the health check; default TCP.', PROTOCOLS),
      healthCheck: obj('Health check of the API server targets.', {}, healthCheckCounters()),
      additionalListeners: listMap('Further listeners of a network load balancer.', additionalListener(), ['port']),
      additionalSecurityGroups: list(
        'Security groups of the load balancer besides its own.',
        text('Security group id.'),
      ),
      ingressRules: ingressRules('Who may reach the load balancer; default everyone.'),
      targetGroupIPType: targetGroupIPType(),
      preserveClientIP: flag('Keeps the address of the client; opens the API server port to every source.'),
      disableHostsRewrite: flag(
        'Leaves out the hosts entry that works around an internal load balancer not reaching its own target.',
      ),
      dnsResolutionCheck: oneOf('Whether the name of the load balancer has to resolve before the cluster is ready.', [
        'None',
        'Enabled',
      ]),
    },
    { rules: immutable ? KEEP_IDENTITY : [] },
  );
}

function targetGroup() {
  return obj(
    'Target group of the listener.',
    {
      name: text('Name of the target group.', { maxLength: 32 }),
      port: int64('Port of the targets.'),
      protocol: oneOf('Protocol of the targets.', ['tcp', 'tls', 'udp', 'TCP', 'TLS', 'UDP']),
      vpcId: text('VPC of the targets.'),
    },
    {
      targetGroupHealthCheck: obj(
        'Health check of the target group.',
        {},
        {
          protocol: text('Protocol of the check.'),
          path: text('Path of the check.'),
          port: text('Port of the check.'),
          intervalSeconds: int64('Seconds between checks.'),
          timeoutSeconds: int64('Seconds without an answer that count as failed.'),
          thresholdCount: int64('Successes that make a target healthy.'),
          unhealthyThresholdCount: int64('Failures that make a target unhealthy.'),
        },
      ),
      ipType: text('Address family of the targets.'),
    },
  );
}

function classicFields() {
  return {
    listeners: list(
      'Listeners of a classic load balancer.',
      obj('A listener.', {
        protocol: text('Protocol of the listener.'),
        port: int64('Port of the listener.'),
        instanceProtocol: text('Protocol towards the instances.'),
        instancePort: int64('Port of the instances.'),
      }),
    ),
    healthChecks: obj('Health check of a classic load balancer.', {
      target: text('What is checked, e.g. TCP:6443.'),
      interval: int64('Nanoseconds between checks.'),
      timeout: int64('Nanoseconds without an answer that count as failed.'),
      healthyThreshold: int64('Successes that make an instance healthy.'),
      unhealthyThreshold: int64('Failures that make an instance unhealthy.'),
    }),
    attributes: obj(
      'Attributes of a classic load balancer.',
      {},
      {
        idleTimeout: int64('Nanoseconds an idle connection is kept.'),
        crossZoneLoadBalancing: flag('Whether connections are spread over all zones.'),
      },
    ),
  };
}

/** A load balancer as observed, under `status.networkStatus`. */
export function loadBalancerStatus(description: string) {
  return obj(
    description,
    {},
    {
      arn: text('ARN; not for classic load balancers.'),
      name: text('Name.'),
      dnsName: text('DNS name.'),
      scheme: text('internet-facing or internal.'),
      availabilityZones: names('Zones.'),
      subnetIds: names('Subnets.'),
      securityGroupIds: names('Security groups.'),
      ...classicFields(),
      tags: tags('Tags.'),
      elbListeners: list(
        'Listeners.',
        obj('A listener.', {
          protocol: text('Protocol of the listener.'),
          port: int64('Port of the listener.'),
          targetGroup: targetGroup(),
        }),
      ),
      elbAttributes: stringMap('Attributes.'),
      loadBalancerType: oneOf('Type.', ['classic', 'elb', 'alb', 'nlb']),
      loadBalancerIPAddressType: oneOf('Address families.', ['ipv4', 'dualstack', 'dualstack-without-public-ipv4']),
    },
  );
}
