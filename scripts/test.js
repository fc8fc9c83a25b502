// The whole gate: checks, tools, unit tests, tests on real servers, end to end. Ends with the line `N passed, N failed`.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checks } from './check.js';
import { root, run, steps } from './lib.js';

const dir = await mkdtemp(path.join(tmpdir(), 'perdure-test-'));
const totals = { passed: 0, failed: 0 };
const failedNames = [];

/** Runs jest and adds its counts. A suite that could not even run counts as one failure; a server that a failed test left open may not hold up the gate. */
async function jest(name, args) {
  const file = path.join(dir, `${name}.json`);
  const code = await run(
    process.execPath,
    [
      path.join(root, 'scripts/jest.js'),
      '--json',
      `--outputFile=${file}`,
      '--testLocationInResults',
      '--forceExit',
      ...args,
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const report = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));
  if (!report) {
    totals.failed += 1;
    return code || 1;
  }
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  for (const suite of report.testResults) {
    for (const test of suite.assertionResults)
      if (test.status === 'failed') failedNames.push(`${path.relative(root, suite.name)}: ${test.fullName}`);
    if (suite.status === 'failed' && suite.assertionResults.length === 0)
      failedNames.push(`${path.relative(root, suite.name)}: did not run`);
  }
  return code;
}

const counted = ([name, work]) => [
  name,
  async () => {
    const code = await work();
    totals[code === 0 ? 'passed' : 'failed'] += 1;
    if (code !== 0) failedNames.push(name);
    return code;
  },
];

const only = process.argv[2];
const list = [
  ...checks.map(counted),
  counted([
    'tools (first time: up to 40 minutes)',
    () => run(process.execPath, [path.join(root, 'dist/sandbox/tools/main.js'), 'all', 'machine-tree']),
  ]),
  ['unit tests', () => jest('unit', ['--selectProjects', 'unit'])],
  ['tests on real servers', () => jest('integration', ['--selectProjects', 'integration', '--runInBand'])],
  [
    'end to end (clusters live and die, on machines that boot)',
    () => jest('e2e', ['--selectProjects', 'e2e', '--runInBand']),
  ],
].filter(([name]) => !only || name.includes(only));

try {
  await steps(list);
} finally {
  await rm(dir, { recursive: true, force: true });
}
for (const name of failedNames) process.stdout.write(`failed: ${name}\n`);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
