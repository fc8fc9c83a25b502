// npm run conditions:coverage [-- JEST ARGUMENTS]: runs tests with the functions that make conditions watched, keeps in test/conditions/reached.json which
// test reached which condition and reason, and writes the tables of the documentation. What it is not asked to run stays as it was found before.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NOT_APPLICABLE } from '../test/conditions/not-applicable.ts';
import { merge, titleIn } from '../test/conditions/reached.ts';
import { REFERENCE } from '../test/conditions/reference.ts';
import { detailPage, summaryTable, withTable } from '../test/conditions/tables.ts';
import { bin, root, run } from './lib.js';

const REACHED = path.join(root, 'test/conditions/reached.json');
const dir = await mkdtemp(path.join(tmpdir(), 'perdure-conditions-'));

/** Runs jest with the recorder; answers what was noted by tests that passed, and the files that ran. */
async function record(args) {
  const notes = path.join(dir, 'notes.ndjson');
  const results = path.join(dir, 'results.json');
  await writeFile(notes, '');
  const config = path.join(root, 'test/conditions/jest.config.js');
  const jest = [path.join(root, 'scripts/jest.js'), '--config', config, '--json', `--outputFile=${results}`, ...args];
  const env = { ...process.env, CONDITIONS_FILE: notes };
  const code = await run(process.execPath, jest, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const report = JSON.parse(await readFile(results, 'utf8'));
  const suites = report.testResults.map((suite) => ({ ...suite, file: path.relative(root, suite.name) }));
  const passed = new Set(
    suites.flatMap(({ file, assertionResults }) =>
      assertionResults.filter((one) => one.status === 'passed').map((one) => `${file}\n${one.fullName}`),
    ),
  );
  const noted = (await readFile(notes, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const files = suites.filter((suite) => suite.assertionResults.length > 0).map((suite) => suite.file);
  return { code, files, notes: noted.filter((note) => passed.has(`${note.file}\n${note.test}`)) };
}

/** Notes with the test's title as its file writes it. A test that has none of its own, as one of a table of names, is left out. */
async function titled(notes) {
  const texts = new Map();
  for (const { file } of notes) if (!texts.has(file)) texts.set(file, await readFile(path.join(root, file), 'utf8'));
  return notes.flatMap((note) => {
    const title = titleIn(texts.get(note.file), note.test);
    return title === undefined ? [] : [{ ...note, test: title }];
  });
}

async function writeTables(reached) {
  const parity = path.join(root, 'docs/parity.md');
  const table = summaryTable(REFERENCE, NOT_APPLICABLE, reached);
  await writeFile(parity, withTable(await readFile(parity, 'utf8'), table));
  await writeFile(path.join(root, 'docs/parity-conditions.md'), detailPage(REFERENCE, NOT_APPLICABLE, reached));
}

try {
  const args = process.argv.slice(2);
  const before = JSON.parse(await readFile(REACHED, 'utf8').catch(() => '{}'));
  const { code, files, notes } = args.includes('--tables-only')
    ? { code: 0, files: [], notes: [] }
    : await record(args);
  const stays = (file) => !files.includes(file) && existsSync(path.join(root, file));
  const reached = merge(before, stays, await titled(notes));
  await writeFile(REACHED, `${JSON.stringify(reached, undefined, 2)}\n`);
  await writeTables(reached);
  await run(bin('biome'), ['format', '--write', REACHED], { stdio: 'ignore' });
  process.exitCode = code;
} finally {
  await rm(dir, { recursive: true, force: true });
}
