import { parseUnhealthyRange } from '../../domain/health/limits.js';
import { parseSelector } from '../../domain/selectors.js';
import type { MachineHealthCheck } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type FieldError, forbidden, invalid, required, type Verdict, verdict } from './field-errors.js';
import { ensureObject } from './json.js';
import { labelWithCluster } from './machine.js';
import { isIntOrPercent } from './object-fields.js';

const CLUSTER_NAME = 'cluster.x-k8s.io/cluster-name';
const NODE_STARTUP_TIMEOUT_SECONDS = 600;
const LEAST_NODE_STARTUP_TIMEOUT_SECONDS = 30;

/** A copy with the cluster label and ten minutes for a Node to appear. */
export function defaultMachineHealthCheck(check: MachineHealthCheck): MachineHealthCheck {
  const out = structuredClone(check);
  const spec = ensureObject(out, 'spec');
  if (typeof spec.clusterName === 'string') labelWithCluster(out);
  ensureObject(spec, 'checks').nodeStartupTimeoutSeconds ??= NODE_STARTUP_TIMEOUT_SECONDS;
  return out;
}

/** Rules for one MachineHealthCheck, and with `old` for the change. Source: cluster-api internal/webhooks/machinehealthcheck.go. */
export function validateMachineHealthCheck(
  check: MachineHealthCheck,
  old: MachineHealthCheck | undefined,
  _ctx: AdmissionContext,
): Verdict {
  const { clusterName } = check.spec;
  const errors = [...checkSelector(check), ...checkTimeout(check), ...checkLimit(check)];
  if (old && old.spec.clusterName !== clusterName) {
    errors.push(
      forbidden(
        'spec.clusterName',
        `cannot be changed from ${old.spec.clusterName}: make another MachineHealthCheck for cluster ${clusterName}`,
      ),
    );
  }
  return verdict(errors, rangeWarnings(check));
}

function checkSelector({ spec }: MachineHealthCheck): FieldError[] {
  const path = 'spec.selector';
  const selector = parseSelector(spec.selector);
  if ('error' in selector) return [invalid(path, spec.selector, selector.error)];
  if (selector.text === '') return [required(path, 'must not be empty: name the labels of the Machines to check')];
  const cluster = spec.selector.matchLabels?.[CLUSTER_NAME];
  if (cluster === undefined || cluster === spec.clusterName) return [];
  const message = `selects Machines of another cluster than spec.clusterName (${spec.clusterName}): remove the label, it is added by itself`;
  return [invalid(`${path}.matchLabels[${CLUSTER_NAME}]`, cluster, message)];
}

function checkTimeout({ spec }: MachineHealthCheck): FieldError[] {
  const seconds = spec.checks?.nodeStartupTimeoutSeconds;
  if (seconds === undefined || seconds === 0 || seconds >= LEAST_NODE_STARTUP_TIMEOUT_SECONDS) return [];
  const message = `must be at least ${LEAST_NODE_STARTUP_TIMEOUT_SECONDS}, or 0 to turn the check off`;
  return [invalid('spec.checks.nodeStartupTimeoutSeconds', seconds, message)];
}

function checkLimit({ spec }: MachineHealthCheck): FieldError[] {
  const limit = spec.remediation?.triggerIf?.unhealthyLessThanOrEqualTo;
  if (limit === undefined || isIntOrPercent(limit)) return [];
  const path = 'spec.remediation.triggerIf.unhealthyLessThanOrEqualTo';
  return [invalid(path, limit, 'must be a number, e.g. 2, or a percentage, e.g. 40%')];
}

/** Upstream takes a range that holds nothing, and never remediates then. */
function rangeWarnings({ spec }: MachineHealthCheck): string[] {
  const range = spec.remediation?.triggerIf?.unhealthyInRange;
  if (range === undefined || range === '' || parseUnhealthyRange(range)) return [];
  return [
    `spec.remediation.triggerIf.unhealthyInRange: ${range} holds no number, so nothing is ever remediated: write [min-max] with min not above max`,
  ];
}
