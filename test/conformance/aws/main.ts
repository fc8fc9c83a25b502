import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { table } from '../../../src/cli/lib/output.js';
import { KUBERNETES_VERSION } from '../../../src/sandbox/tools/index.js';
import { forget, startTestSandbox, type TestSandbox } from '../../e2e/sandbox.js';
import { type Course, type Outcome, play } from './course.js';
import { templateOf } from './flavour-template.js';
import { expectationFor, FLAVOURS, variable } from './flavours.js';
import { MANAGEMENT } from './given.js';
import { type Options, readOptions, USAGE } from './options.js';
import { readTemplates, type Template } from './templates.js';

const REGION = 'us-east-1';
const FEATURES = 'BootstrapFormatIgnition=true,KubeadmBootstrapFormatIgnition=true';
/** A zone that a template names itself. */
const ZONE = /\b([a-z]{2}-[a-z]+-\d)[a-z]\b/;
const ROLES = 'arn:aws:iam::123456789012:role/multi-tenancy';

/** What templates ask for; `--set` comes before. */
const variablesOf = ({ name, text }: Template, region: string): Record<string, string> => ({
  // short: templates make names of load balancers from it, which have 32 characters
  CLUSTER_NAME: `c-${name}`.slice(0, 18).replace(/-$/, ''),
  NAMESPACE: `conformance-${name}`,
  AWS_REGION: region,
  AWS_SSH_KEY_NAME: 'default',
  KUBERNETES_VERSION,
  // a control plane that rolls by scaling in needs three
  CONTROL_PLANE_MACHINE_COUNT: /maxSurge: 0\b/.test(text) ? '3' : '1',
  WORKER_MACHINE_COUNT: '1',
  AWS_CONTROL_PLANE_MACHINE_TYPE: 't3.large',
  AWS_NODE_MACHINE_TYPE: 't3.large',
  AWS_AVAILABILITY_ZONE: `${region}a`,
  AWS_AVAILABILITY_ZONE_1: `${region}a`,
  AWS_AVAILABILITY_ZONE_2: `${region}b`,
  AWS_S3_BUCKET_NAME: `perdure-${name}`,
  COREOS_EC2_HOSTNAME: variable('COREOS_EC2_HOSTNAME'),
  CNI_RESOURCES: '',
  IMAGE_ID: 'ami-0123456789abcdef0',
  CAPI_IMAGES_REGISTRY: 'registry.example.com',
  E2E_IMAGE_TAG: 'e2e',
  MGMT_CLUSTER_NAME: MANAGEMENT,
  ...Object.fromEntries(
    ['SIMPLE', 'JUMP', 'NESTED'].flatMap((kind) => [
      [`MULTI_TENANCY_${kind}_IDENTITY_NAME`, `${name}-${kind.toLowerCase()}`],
      [`MULTI_TENANCY_${kind}_ROLE_ARN`, `${ROLES}-${kind.toLowerCase()}`],
    ]),
  ),
});

const clock = (): string => new Date().toISOString().slice(11, 19);
const say = (line: string): void => void process.stderr.write(`${clock()} ${line}\n`);

/** The conformance run; answers the exit code. Everything it started is stopped in any case. */
export async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (!options) {
    process.stdout.write(USAGE);
    return 0;
  }
  const own = await mkdtemp(path.join(tmpdir(), 'perdure-flavours-'));
  let sandbox: TestSandbox | undefined;
  const outcomes: Outcome[] = [];
  try {
    const templates = await chosen(options, own);
    if (options.list) {
      process.stdout.write(`${listed(templates)}\n`);
      return 0;
    }
    sandbox = await startTestSandbox({ machines: options.machines, cloudDelay: 200, features: FEATURES, say });
    const started = sandbox;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void started.stop(false).finally(() => process.exit(130)));
    const { machines, minutes } = options;
    for (const [index, template] of templates.entries()) {
      say(`${index + 1}/${templates.length} ${template.name}`);
      const region = options.variables['AWS_REGION'] ?? ZONE.exec(template.text)?.[1] ?? REGION;
      const variables = { ...variablesOf(template, region), ...options.variables };
      const course: Course = { sandbox, machines, variables, region, seconds: minutes * 60, say };
      const outcome = await play(course, template);
      outcomes.push(outcome);
      say(`  ${template.name}: ${outcome.result} in ${outcome.seconds} s`);
      for (const problem of outcome.problems) say(`    ${problem}`);
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    outcomes.push({
      name: 'run',
      result: 'failed',
      note: 'ended early',
      problems: [String(error)],
      resources: 0,
      seconds: 0,
    });
  } finally {
    const failed = outcomes.some(({ result }) => result === 'failed');
    await sandbox?.stop(failed);
    if (sandbox && !failed) await forget(sandbox.layout);
    else if (sandbox) say(`logs are kept in ${sandbox.layout.root}`);
    await rm(own, { recursive: true, force: true });
  }
  process.stdout.write(`${report(outcomes)}\n`);
  return outcomes.some(({ result }) => result === 'failed') ? 1 : 0;
}

/** The templates of the folder, or our own flavours written into one: both go the same way. */
async function chosen({ dir, only }: Options, own: string): Promise<Template[]> {
  if (!dir) {
    for (const name of Object.keys(FLAVOURS))
      await writeFile(path.join(own, `cluster-template-${name}.yaml`), await templateOf(name));
  }
  const all = await readTemplates(dir ?? own, dir ? () => undefined : expectationFor);
  const unknown = only.filter((name) => !all.some((template) => template.name === name));
  if (unknown.length > 0) throw new Error(`--only: no template ${unknown.join(', ')} in ${dir ?? 'the flavours'}`);
  return only.length > 0 ? all.filter(({ name }) => only.includes(name)) : all;
}

function listed(templates: readonly Template[]): string {
  const rows = templates.map(({ name, expected, variables }) => [
    name,
    expected ? expected.converges : 'derived',
    expected ? String(Object.values(expected.inventory).reduce((sum, count) => sum + count, 0)) : '',
    variables.join(' '),
  ]);
  return table(['TEMPLATE', 'CONVERGES', 'RESOURCES', 'VARIABLES'], rows);
}

function report(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ name, result, note, resources, seconds, problems }) => [
    name,
    result,
    String(resources),
    `${seconds} s`,
    problems[0] ? `${note}: ${problems[0]}` : note,
  ]);
  const count = (result: Outcome['result']): number => outcomes.filter((one) => one.result === result).length;
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : '';
  return [
    table(['TEMPLATE', 'RESULT', 'RESOURCES', 'TIME', 'CONVERGED'], rows),
    '',
    `${count('passed')} passed, ${count('failed')} failed${skipped}`,
  ].join('\n');
}
