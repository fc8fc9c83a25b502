import type { KubeObject } from '../api/types/meta.js';
import { readPath } from './contract.js';
import { fnv1a, LABEL } from './names.js';

/** Spec fields that controllers fill in while they work: their change is no wish of a person, and wakes and retries nothing. */
const FILLED_IN: Readonly<Record<string, readonly string[]>> = {
  Machine: ['providerID', 'failureDomain', 'bootstrap.dataSecretName'],
  MachinePool: ['providerIDList', 'template.spec.bootstrap.dataSecretName'],
  AWSMachinePool: ['providerID', 'providerIDList', 'awsLaunchTemplate.versionNumber'],
  AWSCluster: [
    'controlPlaneEndpoint',
    'network.vpc.id',
    'network.vpc.cidrBlock',
    'network.vpc.tags',
    'network.vpc.internetGatewayId',
    'network.subnets[].resourceID',
    'network.subnets[].routeTableId',
    'network.subnets[].natGatewayId',
    'network.subnets[].tags',
  ],
  AWSMachine: ['providerID', 'instanceID', 'cloudInit.secretPrefix', 'cloudInit.secretCount'],
};

function without(value: unknown, path: readonly string[]): unknown {
  const [head = '', ...rest] = path;
  const name = head.replace(/\[\]$/, '');
  if (typeof value !== 'object' || value === null || !(name in value)) return value;
  const { [name]: inner, ...others } = value as Record<string, unknown>;
  if (rest.length === 0) return others;
  const below = name !== head && Array.isArray(inner) ? inner.map((item) => without(item, rest)) : without(inner, rest);
  return { ...others, [name]: below };
}

/** Ids of the subnets that a provider plans itself where nobody named any. */
const PLANNED_SUBNET = /-subnet-(public|private)-/;

/** The spec without subnets that were planned: they are an answer, not a wish. */
function withoutPlannedSubnets({ metadata, ...object }: KubeObject): unknown {
  const spec = readPath(object, 'spec');
  const own = `${metadata.labels?.[LABEL.clusterName] ?? metadata.name}-subnet-`;
  const isPlanned = (id: string): boolean => id.startsWith(own) && PLANNED_SUBNET.test(id);
  const subnets = readPath({ spec }, 'spec.network.subnets');
  if (!Array.isArray(subnets)) return spec;
  const wished = subnets.filter((s) => !isPlanned(String(readPath(s, 'id'))));
  const { network, ...others } = spec as { network: Record<string, unknown> };
  const { subnets: _all, ...rest } = network;
  return { ...others, network: wished.length > 0 ? { ...rest, subnets: wished } : rest };
}

/** What the API server adds to a `network.vpc` that was not there before its id was filled in. Source: the CRD's defaults. */
const VPC_DEFAULTS: Readonly<Record<string, unknown>> = {
  availabilityZoneSelection: 'Ordered',
  availabilityZoneUsageLimit: 3,
  subnetSchema: 'PreferPrivate',
};

/** The spec without defaults of a VPC, and without a VPC of which nothing else is left. */
function withoutVpcDefaults(spec: unknown): unknown {
  const vpc = readPath({ spec }, 'spec.network.vpc');
  if (typeof vpc !== 'object' || vpc === null) return spec;
  const wished = Object.entries(vpc).filter(([name, value]) => VPC_DEFAULTS[name] !== value);
  const { network, ...others } = spec as { network: Record<string, unknown> };
  const { vpc: _vpc, ...rest } = network;
  return { ...others, network: wished.length > 0 ? { ...rest, vpc: Object.fromEntries(wished) } : rest };
}

/**
 * Identifies what people wish of an object: its generation, or for kinds whose spec controllers fill in, a digest of the rest of the spec. Equal
 * values: nobody asked for anything else.
 */
export function wishOf(object: KubeObject): string {
  const filled = FILLED_IN[object.kind];
  if (!filled) return String(object.metadata.generation ?? 0);
  const given = withoutPlannedSubnets(object);
  const spec = filled.reduce<unknown>((rest, path) => without(rest, path.split('.')), given);
  return fnv1a(JSON.stringify(withoutVpcDefaults(spec)) ?? '').toString(36);
}
