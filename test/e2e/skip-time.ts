import type { Client } from '@temporalio/client';
import type { KubeObject } from '../../src/api/types/meta.js';
import { laneId } from '../../src/domain/names.js';

/**
 * Lets the open run of an object's lane skip the time it would sleep, as far as no activity is under way. The server does it (1.32 and newer,
 * switched on in the sandbox); children inherit it. A lane that is not open has nothing to skip.
 */
export async function skipTime(client: Client, object: KubeObject): Promise<void> {
  const { namespace = '', name, uid = '' } = object.metadata;
  const workflowId = laneId({ kind: object.kind, namespace, name, uid });
  await client.workflowService.updateWorkflowExecutionOptions({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
    updateMask: { paths: ['time_skipping_config'] },
  });
}
