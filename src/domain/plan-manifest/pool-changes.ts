import type { AWSMachinePool } from '../../api/types/aws-machine-pool.js';
import type { MachinePool } from '../../api/types/index.js';
import { isSizedElsewhere } from '../status/machine-pool.js';
import { fieldChanges } from './changes.js';

/** Fields of an AWSMachinePool that are no part of the template or the group. */
const NEITHER = [
  'spec.awsLaunchTemplate.name',
  'spec.awsLaunchTemplate.versionNumber',
  'spec.providerID',
  'spec.providerIDList',
  'spec.refreshPreferences',
];
const OF_TEMPLATE = ['spec.awsLaunchTemplate', 'spec.additionalTags'];

const isIn = (prefixes: readonly string[], field: string): boolean =>
  prefixes.some((p) => field === p || field.startsWith(`${p}.`));

/** What a pool's provider would have to do, by the fields that say so. */
export interface PoolChanges {
  /** A new version of the launch template, for which instances are outdated. */
  readonly template: readonly string[];
  /** The Auto Scaling group is changed and its instances stay. */
  readonly group: readonly string[];
}

type Pair<T> = readonly [live: T, wanted: T];

/** Changes of an AWS pool, as the digest of its launch template and the wish of its group have them. */
export function poolChanges(pools: Pair<MachinePool>, groups: Pair<AWSMachinePool>): PoolChanges {
  const [live, wanted] = pools;
  const fields = fieldChanges(...groups)
    .map((c) => c.field)
    .filter((f) => f.startsWith('spec.') && !isIn(NEITHER, f));
  const template = fields.filter((f) => isIn(OF_TEMPLATE, f));
  const [a, b] = [live.spec.template.spec, wanted.spec.template.spec];
  const size = [live.spec.replicas ?? 1, wanted.spec.replicas ?? 1];
  const [{ spec }, zones] = [groups[1], pools.map((p) => JSON.stringify(p.spec.failureDomains ?? []))];
  const byZones = (spec.subnets ?? []).length === 0 && (spec.availabilityZones ?? []).length === 0;
  return {
    template: [
      ...template,
      ...(a.version !== b.version && !namesImage(groups[1]) ? [`the image of ${b.version ?? 'no version'}`] : []),
      ...(dataOf(live) === dataOf(wanted) ? [] : ['bootstrap data by another name']),
    ],
    group: [
      ...fields.filter((f) => !isIn(OF_TEMPLATE, f)),
      ...(size[0] === size[1] || isSizedElsewhere(wanted) ? [] : [`desired capacity ${size[0]} to ${size[1]}`]),
      ...(byZones && zones[0] !== zones[1] ? ['spec.failureDomains'] : []),
    ],
  };
}

/** An image by id is that of every version. */
export const namesImage = ({ spec }: AWSMachinePool): boolean => Boolean(spec.awsLaunchTemplate.ami?.id);

/** What names the bootstrap data: the config, which fills in the Secret, or else the Secret. */
function dataOf({ spec }: MachinePool): string {
  const { configRef, dataSecretName } = spec.template.spec.bootstrap;
  return configRef ? `${configRef.apiGroup}/${configRef.kind}/${configRef.name}` : (dataSecretName ?? '');
}
