import { kube, wait } from '../../src/workflows/lib/activities.js';
import type { OperationInput } from '../../src/workflows/types.js';

/** What a careless change would make of it: the node is awaited before there is anything to boot. For the test of the replay check only. */
export async function ProvisionMachine({ key }: OperationInput): Promise<void> {
  await wait.awaitMachineNode.executeWithOptions({ summary: 'Wait for the node' }, [{ key }]);
  await kube.machineBootstrap.executeWithOptions({ summary: 'Render bootstrap data' }, [{ key }]);
}
