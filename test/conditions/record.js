// Notes which conditions the product's functions answer with or write while a test runs. What a test's own objects say does not count, nor what a
// function only hands through: a condition that its object had before, with that status and reason, is left out.
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';

const OUT = process.env.CONDITIONS_FILE;
/** Tests of the writer itself, which hand it conditions of their own. */
const OF_THE_WRITER = ['src/activities/kube/write.test.ts', 'src/domain/conditions.test.ts'];
const root = path.resolve(import.meta.dirname, '../..');
const seen = new Set();

function note(kind, object, conditions) {
  const { currentTestName, testPath } = expect.getState();
  if (!OUT || !currentTestName || !testPath || !Array.isArray(conditions)) return;
  const file = path.relative(root, testPath);
  if (OF_THE_WRITER.includes(file)) return;
  const before = [object?.status?.conditions, object?.status?.deprecated?.v1beta1?.conditions].flatMap((c) => c ?? []);
  for (const { type, status, reason = '' } of conditions) {
    if (before.some((c) => c.type === type && c.status === status && (c.reason ?? '') === reason)) continue;
    const line = JSON.stringify({ kind, type, status, reason, file, test: currentTestName });
    if (seen.has(line)) continue;
    seen.add(line);
    appendFileSync(OUT, `${line}\n`);
  }
}

const ofStatus =
  (kind, field) =>
  (status, [input]) =>
    note(kind, input[field], status.conditions);
const ofMachine = (conditions, [input]) => note('Machine', input?.machine, [conditions].flat());

/** What is noted of each function, by its name: of its answer, or of what it is called with when it writes. */
const AFTER = {
  clusterStatus: ofStatus('Cluster', 'cluster'),
  machineStatus: ofStatus('Machine', 'machine'),
  machineSetStatus: ofStatus('MachineSet', 'set'),
  machineDeploymentStatus: ofStatus('MachineDeployment', 'deployment'),
  machinePoolStatus: ofStatus('MachinePool', 'pool'),
  controlPlaneStatus: ofStatus('KubeadmControlPlane', 'controlPlane'),
  healthCheckStatus: ofStatus('MachineHealthCheck', 'check'),
  componentConditions: ofMachine,
  poolConditions: (conditions) => note('AWSMachinePool', undefined, conditions),
  assessTarget: ({ health, reason }) =>
    health === 'unhealthy' && note('Machine', undefined, [{ type: 'HealthCheckSucceeded', status: 'False', reason }]),
  everyCondition: (conditions) => note('Machine', undefined, conditions),
  nodeConditions: (conditions) => note('Machine', undefined, conditions),
  upToDateCondition: (condition) => note('Machine', undefined, [condition]),
  externalCondition: (condition) => note('Machine', undefined, [condition]),
  planHealthCheck: (plan, [{ targets }]) => {
    note('MachineHealthCheck', undefined, [plan.allowed]);
    for (const { name, conditions } of plan.machines) {
      const before = targets.find((t) => t.name === name)?.conditions;
      note('Machine', { status: { conditions: before } }, conditions);
    }
  },
};
const BEFORE = {
  applyStatus: ([, kind, object, status]) => note(kind.kind, object, status?.conditions),
  setConditions: ([status, wanted]) => note('AWSCluster', { status }, wanted),
  writePoolConditions: ([scope, wanted]) => note('AWSMachinePool', scope.object, wanted),
  setMachineConditions: ([status, wanted]) => note('AWSMachine', { status }, wanted),
};

/** The names of all functions that are watched. */
export const WATCHED = [...Object.keys(AFTER), ...Object.keys(BEFORE)];

/** The function with that name of the product, which also notes what it says. */
export function watched(name, original) {
  return (...args) => {
    BEFORE[name]?.(args);
    const answer = original(...args);
    AFTER[name]?.(answer, args);
    return answer;
  };
}
