import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import * as workflows from '../../src/workflows/index.js';
import { assertAnonymous } from './history.js';
import { historyFromJson } from './proto-json.js';

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const HISTORIES = at('./histories/');
const quiet = new DefaultLogger('ERROR');

/** Recorded histories, as `Type/case`. */
const cases = readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replaceAll(path.sep, '/').replace(/\.json$/, ''))
  .sort();

interface Recorded {
  readonly workflowId: string;
  readonly events: readonly Record<string, unknown>[];
}

const load = (name: string): Recorded =>
  JSON.parse(readFileSync(path.join(HISTORIES, `${name}.json`), 'utf8')) as Recorded;

let bundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  Runtime.install({ logger: quiet, shutdownSignals: [] });
  bundle = await bundleWorkflowCode({ workflowsPath: at('../../src/workflows/index.ts'), logger: quiet });
}, 120_000);

/** Replays a recorded history with workflow code. A difference throws, naming the workflow and the event where it shows. */
async function replay(workflowBundle: WorkflowBundleWithSourceMap, { workflowId, events }: Recorded): Promise<void> {
  const history = historyFromJson({ events });
  for await (const result of Worker.runReplayHistories({ workflowBundle, replayName: 'goldens' }, [
    { workflowId, history },
  ])) {
    if (result.error) throw new Error(`${workflowId}: ${result.error.message}`, { cause: result.error });
  }
}

describe('histories recorded in sandboxes', () => {
  test.each(cases)('%s replays with the workflow code of today', async (name) => {
    await replay(bundle, load(name));
  });

  test('there is one of every workflow type, and of what is hard to get right', () => {
    const types = new Set(cases.map((name) => name.split('/')[0]));
    expect(Object.keys(workflows).filter((type) => !types.has(type))).toEqual([]);
    const wanted = [
      'CreateCluster/completed',
      'CreateCluster/cancelled-interrupted',
      'CreateCluster/failed-refused',
      'DeleteCluster/completed-interrupted',
      'ScaleControlPlane/up',
      'ScaleControlPlane/down',
      'UpgradeControlPlane/completed',
      'RemediateControlPlane/completed',
      'MaintainControlPlane/completed',
      'RollingUpgrade/completed',
      'RemediateWorkers/completed',
      'ProvisionMachinePool/completed',
      'UpdateMachinePool/completed',
      'DeleteMachinePool/completed',
      'ScaleWorkers/up',
      'ScaleWorkers/down',
      'ProvisionMachine/failed-refused',
      'RepairInfrastructure/completed',
      'RepairMachine/completed',
      'DriftSweep/completed',
      'machineHealthCheckLane/converged',
      'controlPlaneLane/converged',
      'clusterLane/paused-paused',
      'clusterLane/deleted-interrupted',
    ];
    expect(wanted.filter((name) => !cases.includes(name))).toEqual([]);
  });

  test('none tells where it was made', () => {
    for (const name of cases) {
      const recorded = load(name);
      assertAnonymous(name, recorded);
      const identities = [...JSON.stringify(recorded.events).matchAll(/"identity":"([^"]*)"/g)].map(
        ([, identity]) => identity,
      );
      expect(new Set(identities)).toEqual(new Set(['perdure']));
    }
  });
});

describe('the check itself', () => {
  test('fails, naming workflow and event, when the code does things in another order', async () => {
    const changed = await bundleWorkflowCode({ workflowsPath: at('./changed-workflows.ts'), logger: quiet });
    const recorded = load('ProvisionMachine/completed');
    await expect(replay(changed, recorded)).rejects.toThrow(new RegExp(`${recorded.workflowId}.*Nondeterminism`, 's'));
  }, 120_000);
});
