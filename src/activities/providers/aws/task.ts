import type { AWSCluster } from '../../../api/types/aws.js';
import { isTrue } from '../../../domain/conditions.js';
import type { Change, EnsureTask } from '../port.js';
import type { Cloud } from './cloud.js';
import { classify } from './errors.js';
import { failureOf, quietly } from './failed.js';
import { type ClusterScope, type ClusterView, clusterView, openScope, setConditions } from './scope.js';
import { assertSupported } from './supported.js';

/** Upstream's conditions of the parts of a cluster, each with its reason when the part could not be made. Source: capa conditions_consts.go. */
const FAILED = {
  VpcReady: 'VpcReconciliationFailed',
  SecondaryCidrsReady: 'SecondaryCidrReconciliationFailed',
  SubnetsReady: 'SubnetsReconciliationFailed',
  InternetGatewayReady: 'InternetGatewayFailed',
  CarrierGatewayReady: 'CarrierGatewayFailed',
  EgressOnlyInternetGatewayReady: 'EgressOnlyInternetGatewayFailed',
  NatGatewaysReady: 'NatGatewaysReconciliationFailed',
  RouteTablesReady: 'RouteTableReconciliationFailed',
  // The odd name is what upstream writes.
  VpcEndpointsReadyCondition: 'VpcEndpointsReconciliationFailed',
  ClusterSecurityGroupsReady: 'ClusterSecurityGroupReconciliationFailed',
  BastionHostReady: 'BastionHostFailed',
  LoadBalancerReady: 'LoadBalancerFailed',
  S3BucketCreated: 'S3BucketCreationFailed',
  // not upstream's, which only logs it
  InstanceEventsReady: 'InstanceEventsFailed',
} as const;

/** A task as the files in tasks/ write it: the same verbs on a scope instead of a context. */
export interface TaskDefinition<O> {
  readonly id: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
  /** Upstream's condition for this part. */
  readonly condition: keyof typeof FAILED;
  /** The finish step says when that condition is True. */
  readonly readyByFinish?: true;
  observe(scope: ClusterScope): Promise<O>;
  /** Pure. Must name everything `apply` would do, writing to the spec included. */
  plan(view: ClusterView, observed: O): readonly Change[];
  apply(scope: ClusterScope, observed: O): Promise<void>;
  remove(scope: ClusterScope): Promise<void>;
}

/** Adds what all tasks share: clients, typed errors, and the condition on the AWSCluster. */
export function defineTask<O>(cloud: Cloud, task: TaskDefinition<O>): EnsureTask<AWSCluster, O> {
  const mark = async (scope: ClusterScope, done: 'True' | 'Deleting' | 'Deleted'): Promise<void> => {
    const { condition: type } = task;
    if (done === 'True' && (task.readyByFinish || isTrue(scope.object.status?.conditions, type))) return;
    const condition =
      done === 'True'
        ? ({ type, status: 'True' } as const)
        : ({ type, status: 'False', severity: 'Info', reason: done } as const);
    await scope.recordStatus((status) => setConditions(status, [condition], cloud.deps.now()));
  };
  const telling = async (scope: ClusterScope, reason: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const failed = failureOf(error, scope.ctx.signal, task.condition, reason);
      if (failed) await quietly(scope.recordStatus((status) => setConditions(status, [failed], cloud.deps.now())));
      throw error;
    }
  };
  return {
    id: task.id,
    title: task.title,
    dependsOn: task.dependsOn,
    observe: (ctx) =>
      typed(ctx.signal, async () => {
        assertSupported(ctx.infraCluster);
        return await task.observe(await openScope(cloud, ctx));
      }),
    plan: (ctx, observed) => task.plan(clusterView(ctx), observed),
    apply: (ctx, observed) =>
      typed(ctx.signal, async () => {
        const scope = await openScope(cloud, ctx);
        await telling(scope, FAILED[task.condition], async () => {
          if (task.plan(scope, observed).length > 0) await task.apply(scope, observed);
        });
        await mark(scope, 'True');
      }),
    remove: (ctx) =>
      typed(ctx.signal, async () => {
        const scope = await openScope(cloud, ctx);
        await mark(scope, 'Deleting');
        await telling(scope, 'DeletingFailed', () => task.remove(scope));
        await mark(scope, 'Deleted');
      }),
  };
}

/** Runs `work` and turns whatever it throws into a PerdureError; after a cancellation the error stays what it is. */
export async function typed<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw error;
    throw classify(error);
  }
}
