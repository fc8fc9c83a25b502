import { labelValueProblem } from '../../domain/selectors.js';
import type { MachineDeployment } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, invalid, type Verdict, verdict } from './field-errors.js';
import { ensureObject } from './json.js';
import { labelWithCluster } from './machine.js';
import { checkGroup, defaultReplicas, selectorName } from './machine-group.js';
import { isIntOrPercent, withVersionPrefix } from './object-fields.js';

const CLUSTER_NAME = 'cluster.x-k8s.io/cluster-name';
const DEPLOYMENT_NAME = 'cluster.x-k8s.io/deployment-name';

/** A copy with labels, replicas, selector, strategy and version defaulted. */
export function defaultMachineDeployment(
  deployment: MachineDeployment,
  old: MachineDeployment | undefined,
): MachineDeployment {
  const out = structuredClone(deployment);
  const spec = ensureObject(out, 'spec');
  const template = ensureObject(spec, 'template');
  spec.replicas = defaultReplicas(out, old);
  defaultStrategy(spec);
  const selector = ensureObject(spec, 'selector');
  const matchLabels = ensureObject(selector, 'matchLabels');
  const labels = ensureObject(ensureObject(template, 'metadata'), 'labels');
  if (Object.keys(matchLabels).length === 0 && (selector.matchExpressions ?? []).length === 0) {
    const name = selectorName(out);
    matchLabels[DEPLOYMENT_NAME] = name;
    labels[DEPLOYMENT_NAME] = name;
  }
  if (typeof spec.clusterName === 'string') {
    labelWithCluster(out);
    matchLabels[CLUSTER_NAME] = spec.clusterName;
    labels[CLUSTER_NAME] = spec.clusterName;
  }
  const machine = ensureObject(template, 'spec');
  if (typeof machine.version === 'string') machine.version = withVersionPrefix(machine.version);
  return out;
}

function defaultStrategy(spec: MachineDeployment['spec']): void {
  const strategy = ensureObject(ensureObject(spec, 'rollout'), 'strategy');
  strategy.type ||= 'RollingUpdate';
  if (strategy.type !== 'RollingUpdate') return;
  const rollingUpdate = ensureObject(strategy, 'rollingUpdate');
  rollingUpdate.maxSurge ??= 1;
  rollingUpdate.maxUnavailable ??= 0;
}

/** Rules for one MachineDeployment, and with `old` for the change. Its name ends up in labels. */
export function validateMachineDeployment(
  deployment: MachineDeployment,
  old: MachineDeployment | undefined,
  ctx: AdmissionContext,
): Verdict {
  const { name } = deployment.metadata;
  const problem = labelValueProblem(name);
  const named =
    problem === undefined
      ? []
      : [invalid('metadata.name', name, `is used as a label value and ${problem}: choose a shorter name`)];
  return verdict([...named, ...checkGroup(deployment, old, ctx), ...checkLimits(deployment)]);
}

function checkLimits({ spec }: MachineDeployment): FieldError[] {
  const path = 'spec.rollout.strategy.rollingUpdate';
  const { maxSurge, maxUnavailable } = spec.rollout?.strategy?.rollingUpdate ?? {};
  const maxInFlight = spec.remediation?.maxInFlight;
  const fields: [string, number | string | undefined][] = [
    [`${path}.maxSurge`, maxSurge],
    [`${path}.maxUnavailable`, maxUnavailable],
    ['spec.remediation.maxInFlight', maxInFlight],
  ];
  const errors = fields.flatMap(([at, value]) =>
    value === undefined || isIntOrPercent(value)
      ? []
      : [invalid(at, value, 'must be a number or a percentage, e.g. 1 or 25%')],
  );
  if (maxSurge === 0 && maxUnavailable === 0) {
    errors.push(
      invalid(path, maxSurge, 'maxSurge and maxUnavailable cannot both be 0: no Machine could ever be replaced'),
    );
  }
  return errors;
}
