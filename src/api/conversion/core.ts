import { field, hubOnly, items, type Mapping, move, type Rule, spokeOnly, struct } from './rules.js';
import {
  contractRef,
  countIntent,
  failureDomains,
  flagIntent,
  machinePhase,
  nodeRef,
  seconds,
  templateRef,
} from './values.js';

/** Rules of group cluster.x-k8s.io. Source: cluster-api api/core/v1beta1/conversion.go. */

/** Timeouts of the deletion, durations beside the spec in v1beta1; `base` is the hub path of their parent. */
export function nodeTimeouts(base = ''): Rule[] {
  return ['nodeDeletionTimeout', 'nodeDrainTimeout', 'nodeVolumeDetachTimeout'].map((name) =>
    move(name, `${base}deletion.${name}Seconds`, seconds),
  );
}

export const conditionRules: readonly Rule[] = [
  move('conditions', 'deprecated.v1beta1.conditions'),
  move('v1beta2.conditions', 'conditions'),
];

export const failureRules: readonly Rule[] = ['failureReason', 'failureMessage'].map((name) =>
  move(name, `deprecated.v1beta1.${name}`),
);

/** Counters that changed their meaning: each version keeps its own, none is translated. */
export function counterRules(legacy: readonly string[]): Rule[] {
  return [
    ...legacy.map((name) => move(name, `deprecated.v1beta1.${name}`)),
    ...['availableReplicas', 'readyReplicas', 'upToDateReplicas'].map((name) => move(`v1beta2.${name}`, name)),
  ];
}

export const machineSpec: Mapping = struct(
  nodeTimeouts(),
  field('bootstrap', struct(field('configRef', contractRef))),
  field('infrastructureRef', contractRef),
  // v1beta1 has it beside the template of the sets and deployments only.
  hubOnly('minReadySeconds'),
);

const machineTemplate = struct(field('spec', machineSpec));

/** Strategy of deployments, in v1beta1 one block that also held the deletion order and the remediation. */
function strategyRules(maxInFlight: string): Rule[] {
  return [
    move('strategy.type', 'rollout.strategy.type'),
    move('strategy.rollingUpdate.maxSurge', 'rollout.strategy.rollingUpdate.maxSurge'),
    move('strategy.rollingUpdate.maxUnavailable', 'rollout.strategy.rollingUpdate.maxUnavailable'),
    move('strategy.rollingUpdate.deletePolicy', 'deletion.order'),
    move('strategy.remediation.maxInFlight', maxInFlight),
    defaultType('rollout.strategy'),
  ];
}

/** v1beta2 requires the type; in v1beta1 its absence meant RollingUpdate. */
export function defaultType(path: string): Rule {
  return {
    spokeFields: [],
    hubFields: [],
    up: (_spoke, hub) => {
      const [block = '', part = ''] = path.split('.');
      const strategy = (hub[block] as Record<string, Record<string, unknown>> | undefined)?.[part];
      if (strategy && strategy['type'] === undefined) strategy['type'] = 'RollingUpdate';
    },
    down: () => undefined,
  };
}

const naming = move('machineNamingStrategy', 'machineNaming');

export const machine: Mapping = struct(
  field('spec', machineSpec),
  field(
    'status',
    struct(
      conditionRules,
      failureRules,
      move('bootstrapReady', 'initialization.bootstrapDataSecretCreated', flagIntent),
      move('infrastructureReady', 'initialization.infrastructureProvisioned', flagIntent),
      field('nodeRef', nodeRef),
      field('phase', machinePhase),
      hubOnly('failureDomain'),
    ),
  ),
);

export const machineSet: Mapping = struct(
  field(
    'spec',
    struct(
      field('template', machineTemplate),
      move('minReadySeconds', 'template.spec.minReadySeconds'),
      move('deletePolicy', 'deletion.order'),
      naming,
    ),
  ),
  field(
    'status',
    struct(conditionRules, failureRules, counterRules(['availableReplicas', 'fullyLabeledReplicas', 'readyReplicas'])),
  ),
);

export const machineDeployment: Mapping = struct(
  field(
    'spec',
    struct(
      field('template', machineTemplate),
      move('minReadySeconds', 'template.spec.minReadySeconds'),
      field('paused', flagIntent),
      move('rolloutAfter', 'rollout.after'),
      strategyRules('remediation.maxInFlight'),
      naming,
      spokeOnly('progressDeadlineSeconds', 'revisionHistoryLimit'),
    ),
  ),
  field(
    'status',
    struct(
      conditionRules,
      counterRules(['availableReplicas', 'readyReplicas', 'unavailableReplicas', 'updatedReplicas']),
    ),
  ),
);

export const machinePool: Mapping = struct(
  field('spec', struct(field('template', machineTemplate), move('minReadySeconds', 'template.spec.minReadySeconds'))),
  field(
    'status',
    struct(
      conditionRules,
      failureRules,
      counterRules(['availableReplicas', 'readyReplicas', 'unavailableReplicas']),
      move('bootstrapReady', 'initialization.bootstrapDataSecretCreated', flagIntent),
      move('infrastructureReady', 'initialization.infrastructureProvisioned', flagIntent),
    ),
  ),
);

const unhealthyConditions = items(struct(move('timeout', 'timeoutSeconds', seconds)));
const variables = items(struct(spokeOnly('definitionFrom')));
const variableRules = field('variables', struct(field('overrides', variables)));

/** Rules of a health check; `spoke` and `hub` are the paths of its parent with a dot at the end. */
function healthCheckRulesAt(spoke: string, hub: string): Rule[] {
  return [
    move(`${spoke}unhealthyConditions`, `${hub}checks.unhealthyNodeConditions`, unhealthyConditions),
    move(`${spoke}unhealthyMachineConditions`, `${hub}checks.unhealthyMachineConditions`, unhealthyConditions),
    move(`${spoke}nodeStartupTimeout`, `${hub}checks.nodeStartupTimeoutSeconds`, seconds),
    move(`${spoke}maxUnhealthy`, `${hub}remediation.triggerIf.unhealthyLessThanOrEqualTo`),
    move(`${spoke}unhealthyRange`, `${hub}remediation.triggerIf.unhealthyInRange`),
    move(`${spoke}remediationTemplate`, `${hub}remediation.templateRef`, templateRef),
  ];
}

const healthCheckRules: readonly Rule[] = [
  move('machineHealthCheck.enable', 'healthCheck.enabled'),
  ...healthCheckRulesAt('machineHealthCheck.', 'healthCheck.'),
];

export const machineHealthCheck: Mapping = struct(
  field('spec', struct(healthCheckRulesAt('', ''))),
  field(
    'status',
    struct(
      conditionRules,
      ['currentHealthy', 'expectedMachines', 'remediationsAllowed'].map((name) => field(name, countIntent)),
    ),
  ),
);

const topology = struct(
  move('class', 'classRef.name'),
  move('classNamespace', 'classRef.namespace'),
  spokeOnly('rolloutAfter'),
  field('variables', variables),
  field('controlPlane', struct(nodeTimeouts(), healthCheckRules, variableRules)),
  field(
    'workers',
    struct(
      field(
        'machineDeployments',
        items(
          struct(
            nodeTimeouts(),
            healthCheckRules,
            variableRules,
            move('rollout.after', 'rollout.after'),
            strategyRules('healthCheck.remediation.maxInFlight'),
          ),
        ),
      ),
      field('machinePools', items(struct(nodeTimeouts(), variableRules))),
    ),
  ),
);

export const cluster: Mapping = struct(
  field(
    'spec',
    struct(
      field('paused', flagIntent),
      field('controlPlaneRef', contractRef),
      field('infrastructureRef', contractRef),
      field('topology', topology),
    ),
  ),
  field(
    'status',
    struct(
      conditionRules,
      failureRules,
      move('controlPlaneReady', 'initialization.controlPlaneInitialized', flagIntent),
      move('infrastructureReady', 'initialization.infrastructureProvisioned', flagIntent),
      move('v1beta2.controlPlane', 'controlPlane'),
      move('v1beta2.workers', 'workers'),
      field('failureDomains', failureDomains),
    ),
  ),
);
