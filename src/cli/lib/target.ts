import { KINDS } from '../../api/types/kinds.js';
import type { ResourceKind } from '../../api/types/meta.js';
import { PerdureError } from '../../domain/errors.js';
import { LANES } from '../../workflows/names.js';

const LANE_KINDS = Object.values(KINDS).filter((kind) => kind.kind in LANES);
/** As kubectl knows them. Source: the CRDs' shortNames. */
const SHORT_NAMES: Readonly<Record<string, ResourceKind>> = {
  cl: KINDS.Cluster,
  kcp: KINDS.KubeadmControlPlane,
  md: KINDS.MachineDeployment,
  ms: KINDS.MachineSet,
  ma: KINDS.Machine,
  mp: KINDS.MachinePool,
  mhc: KINDS.MachineHealthCheck,
  mhcs: KINDS.MachineHealthCheck,
};

export interface Target {
  readonly kind: ResourceKind;
  readonly name: string;
}

/** `KIND/NAME` → kind and name of an object that has a lane. Kinds by name, plural or short name, in any case. */
export function parseTarget(target: string, kinds: readonly ResourceKind[] = LANE_KINDS): Target {
  const [kindName = '', name = '', ...rest] = target.split('/');
  const lower = kindName.toLowerCase();
  const found = SHORT_NAMES[lower] ?? kinds.find((k) => k.kind.toLowerCase() === lower || k.plural === lower);
  if (found && kinds.includes(found) && name !== '' && rest.length === 0) return { kind: found, name };
  const names = kinds.map((k) => k.kind.toLowerCase()).join(', ');
  throw new PerdureError('InvalidConfiguration', `${target} is not KIND/NAME with a kind of ${names}`);
}

/** A workflow id has more parts than `KIND/NAME`: kind, namespace, name, uid, operation… */
export const isWorkflowId = (target: string): boolean => target.split('/').length > 2;
