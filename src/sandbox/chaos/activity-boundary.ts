import { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { ObjectKey } from '../../api/types/meta.js';
import { passBoundary } from './boundary.js';
import { withinActivity } from './effects.js';

interface Input {
  readonly key?: ObjectKey;
  readonly task?: string;
  readonly what?: string;
  readonly until?: string;
}

/** Activities that serve several kinds; for these the kind is part of the point. */
const GENERIC = new Set(['awaitMachines', 'teardownOwner', 'recordFailure', 'clearFailure', 'infraGraph']);

/** An activity as a part of a point's name: `infraEnsure.subnets`, `awaitMachines.MachineSet.gone`. */
export function activityName(type: string, input: Input): string {
  const kind = GENERIC.has(type) ? input.key?.kind : undefined;
  return [type, kind, input.task, input.what, input.until].filter((part) => part !== undefined).join('.');
}

/** Makes every activity pass a boundary when it begins and when its effects are done but its result is not yet told. */
export function activityBoundary(dir: string): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const argument = (input.args[0] ?? {}) as Input;
      const namespace = argument.key?.namespace ?? 'none';
      const name = activityName(Context.current().info.activityType, argument);
      passBoundary(dir, namespace, name, 'before');
      const result = await withinActivity({ namespace, name }, () => next(input));
      passBoundary(dir, namespace, name, 'after');
      return result;
    },
  };
}
