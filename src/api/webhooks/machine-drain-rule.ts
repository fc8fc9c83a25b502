import { parseSelector } from '../../domain/selectors.js';
import type { MachineDrainRule, MetaLabelSelector } from '../types/index.js';
import { type FieldError, invalid, type Verdict, verdict } from './field-errors.js';

/** An order only makes sense for what is drained, and every selector has to parse. Source: capi webhooks/admission/machinedrainrules.go. */
export function validateMachineDrainRule({ spec }: MachineDrainRule): Verdict {
  const { behavior, order } = spec.drain;
  const errors: FieldError[] = [];
  if (behavior !== 'Drain' && order !== undefined)
    errors.push(invalid('spec.drain.order', order, `must not be set with behavior ${behavior}: remove it`));
  for (const [i, m] of (spec.machines ?? []).entries())
    errors.push(
      ...checkSelector(m.selector, `spec.machines[${i}].selector`),
      ...checkSelector(m.clusterSelector, `spec.machines[${i}].clusterSelector`),
    );
  for (const [i, p] of (spec.pods ?? []).entries())
    errors.push(
      ...checkSelector(p.selector, `spec.pods[${i}].selector`),
      ...checkSelector(p.namespaceSelector, `spec.pods[${i}].namespaceSelector`),
    );
  return verdict(errors);
}

function checkSelector(selector: MetaLabelSelector | undefined, path: string): FieldError[] {
  const parsed = parseSelector(selector);
  return 'error' in parsed ? [invalid(path, selector, parsed.error)] : [];
}
