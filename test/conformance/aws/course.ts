import type { Cluster, Machine } from '../../../src/api/types/index.js';
import { KINDS } from '../../../src/api/types/kinds.js';
import { runProgram } from '../../../src/cli/demo/wait.js';
import { findCondition, isTrue } from '../../../src/domain/conditions.js';
import { ANNOTATION, LABEL } from '../../../src/domain/names.js';
import type { InventoryItem } from '../../../src/sandbox/moto/types.js';
import { seedAws } from '../../../src/sandbox/seed-aws.js';
import { type TestSandbox, until } from '../../e2e/sandbox.js';
import { derivedExpectation } from './derived.js';
import { differences } from './expectation.js';
import { GIVEN, type GivenNetwork, givenNetwork } from './given.js';
import { documentsOf, type Loose, type Template, verdictOf, yamlOf } from './templates.js';

export interface Outcome {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'skipped';
  /** How far it came, and what was left out. */
  readonly note: string;
  readonly problems: readonly string[];
  readonly resources: number;
  readonly seconds: number;
}

export interface Course {
  readonly sandbox: TestSandbox;
  readonly machines: 'native' | 'none';
  readonly variables: Readonly<Record<string, string>>;
  readonly region: string;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** The life of one template: applied, converged, compared, deleted, nothing left. */
export async function play(course: Course, template: Template): Promise<Outcome> {
  const begun = Date.now();
  const outcome = (result: Outcome['result'], note: string, problems: string[] = [], resources = 0): Outcome => ({
    name: template.name,
    result,
    note,
    problems,
    resources,
    seconds: Math.round((Date.now() - begun) / 1_000),
  });
  let given: GivenNetwork | undefined;
  try {
    const { aws } = course.sandbox.endpoints;
    await seedAws(aws, course.region);
    if (template.variables.some((name) => GIVEN.test(name))) given = await givenNetwork(aws, course.region);
    const documents = documentsOf(template, { ...course.variables, ...given?.variables });
    const verdict = verdictOf(documents);
    if ('skipped' in verdict) return outcome('skipped', verdict.skipped);
    if ('refused' in verdict) return outcome(...(await refused(course, verdict.documents, verdict.refused)));
    const { note, problems, resources } = await live(course, template, verdict.run);
    const without = verdict.leftOut.length > 0 ? `; without ${verdict.leftOut.join(', ')}` : '';
    return outcome(problems.length > 0 ? 'failed' : 'passed', `${note}${without}`, problems, resources);
  } catch (error) {
    return outcome('failed', 'did not get through', [error instanceof Error ? error.message : String(error)]);
  } finally {
    await given?.remove().catch((error: unknown) => course.say(`  the given network stays: ${String(error)}`));
  }
}

const kubectl = ({ sandbox }: Course, args: readonly string[], input?: string): Promise<string> =>
  runProgram(sandbox.kubectl, ['--kubeconfig', sandbox.layout.kubeconfig, ...args], input);

/** What admission must refuse is refused, for the reason that is known. */
async function refused(
  course: Course,
  documents: readonly Loose[],
  word: string,
): Promise<[Outcome['result'], string, string[]]> {
  const cluster = documents.filter(({ kind }) => kind === 'Cluster');
  try {
    await kubectl(course, ['apply', '--dry-run=server', '-f', '-'], yamlOf(cluster));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (text.includes(word)) return ['passed', `refused: needs ${word}`, []];
    return ['failed', 'refused', [`refused for another reason: ${text}`]];
  }
  return ['failed', 'admitted', [`was admitted, though ${word} has no engine yet`]];
}

interface Life {
  readonly note: string;
  readonly problems: string[];
  readonly resources: number;
}

async function live(course: Course, template: Template, documents: readonly Loose[]): Promise<Life> {
  const { sandbox, say } = course;
  const namespace = `conformance-${template.name}`.slice(0, 60);
  const name = documents.find(({ kind }) => kind === 'Cluster')?.metadata.name ?? '';
  const before = await sandbox.cloud.inventory();
  const all = yamlOf(documents.map((object) => placed(object, namespace)));
  await kubectl(course, ['create', 'namespace', namespace]);
  const problems: string[] = [];
  let resources = 0;
  const expected = template.expected ?? derivedExpectation(documents);
  const level = course.machines === 'none' ? 'infrastructure' : expected.converges;
  try {
    // clusterctl does not validate on its side either: fields that nobody knows are dropped
    await kubectl(course, ['apply', '--validate=warn', '-f', '-'], all);
    await converged(course, { namespace, name }, level);
    const found = counts(await owned(course, { namespace, name }));
    resources = Object.values(found).reduce((sum, count) => sum + count, 0);
    problems.push(...differences(expected, found, level === 'available'));
    say(`  ${template.name}: converged (${level}), ${resources} resources`);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    problems.push(...(await explained(course, { namespace, name })));
  }
  try {
    await removed(course, { namespace, name }, all);
    const left = rest(before, await sandbox.cloud.inventory());
    problems.push(...left.map((item) => `left behind: ${item.service}/${item.type} ${item.id} (${item.name})`));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  const because = expected.because && course.machines === 'native' ? ` (${expected.because})` : '';
  return { note: `${level}${because}`, problems, resources };
}

/** Objects of the template lie in a namespace of its own, whatever it says, but for kinds that have none. */
function placed(object: Loose, namespace: string): Loose {
  if (/^AWSCluster\w+Identity$|^Namespace$/.test(object.kind)) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

async function converged(course: Course, ref: Ref, level: 'available' | 'infrastructure'): Promise<void> {
  const { kube, cloud } = course.sandbox;
  let last = '';
  await until(
    `cluster ${ref.namespace}/${ref.name} to converge (${level})`,
    async () => {
      const cluster = await kube.get<Cluster>(KINDS.Cluster, ref);
      const conditions = cluster?.status?.conditions;
      const wanted = level === 'available' ? 'Available' : 'InfrastructureReady';
      const condition = findCondition(conditions, wanted);
      last = `${wanted} is ${condition?.status ?? 'absent'}: ${condition?.message ?? ''}`;
      if (!isTrue(conditions, wanted)) return undefined;
      if (level === 'available') return await allThere(course, ref);
      const id = cluster?.metadata.annotations?.[ANNOTATION.id];
      const running = (await cloud.instances()).items.filter(
        (one) => one.tags['perdure.dev/id'] === id && one.state === 'running' && one.tags['perdure.dev/machine-id'],
      );
      last = 'no control plane instance runs yet';
      return running.length > 0 ? true : undefined;
    },
    { seconds: course.seconds, everyMs: 1_000, last: () => last },
  );
}

/** A cluster is Available before the last machine is, and what comes with a machine is made as it runs. */
async function allThere({ sandbox }: Course, { namespace, name }: Ref): Promise<true | undefined> {
  const labelSelector = `${LABEL.clusterName}=${name}`;
  const machines = await sandbox.kube.list<Machine>(KINDS.Machine, { namespace, labelSelector });
  const ready = machines.every((machine) => isTrue(machine.status?.conditions, 'Available'));
  return machines.length > 0 && ready ? true : undefined;
}

async function owned({ sandbox }: Course, ref: Ref): Promise<InventoryItem[]> {
  const cluster = await sandbox.kube.get<Cluster>(KINDS.Cluster, ref);
  const id = cluster?.metadata.annotations?.[ANNOTATION.id];
  return (await sandbox.cloud.inventory()).filter(({ tags }) => tags['perdure.dev/id'] === id);
}

function counts(items: readonly InventoryItem[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { service, type } of items) found[`${service}/${type}`] = (found[`${service}/${type}`] ?? 0) + 1;
  return found;
}

const keyOf = (item: InventoryItem): string => `${item.account}/${item.service}/${item.type}/${item.id}`;

function rest(before: readonly InventoryItem[], after: readonly InventoryItem[]): InventoryItem[] {
  const known = new Set(before.map(keyOf));
  return after.filter((item) => !known.has(keyOf(item)));
}

/** What the objects say of what they wait for. */
async function explained({ sandbox }: Course, ref: Ref): Promise<string[]> {
  const cluster = await sandbox.kube.get<Cluster>(KINDS.Cluster, ref);
  return (cluster?.status?.conditions ?? [])
    .filter(({ status, message }) => status !== 'True' && message)
    .map(({ type, reason, message }) => `${type}: ${reason}: ${message.replaceAll('\n', ' ')}`)
    .slice(0, 6);
}

async function removed(course: Course, ref: Ref, all: string): Promise<void> {
  const { kube } = course.sandbox;
  await kubectl(course, [
    '-n',
    ref.namespace,
    'delete',
    'clusters.cluster.x-k8s.io',
    ref.name,
    '--wait=false',
    '--ignore-not-found',
  ]);
  let last = '';
  await until(
    `cluster ${ref.namespace}/${ref.name} to be gone`,
    async () => {
      const cluster = await kube.get<Cluster>(KINDS.Cluster, ref);
      last = findCondition(cluster?.status?.conditions, 'Deleting')?.message ?? '';
      return cluster ? undefined : true;
    },
    { seconds: course.seconds, everyMs: 1_000, last: () => last },
  );
  await kubectl(course, ['delete', '--ignore-not-found', '--wait=false', '-f', '-'], all);
  await kubectl(course, ['delete', 'namespace', ref.namespace, '--wait=false']);
}
