import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { childEnvironment } from '../../config/config.js';
import { PerdureError } from '../../domain/errors.js';
import { startMachineHost } from './host.js';
import type { HostLog } from './log.js';

const USAGE = `usage: main.js [--state-dir DIR] [--tree DIR] [--endpoint URL] [--max-machines N] [--machine-memory MiB]
Defaults come from PERDURE_SANDBOX_DIR (its machines directory), PERDURE_MACHINE_TREE and PERDURE_AWS_ENDPOINT.`;

/** The machine host as a process: runs until SIGTERM or SIGINT, then ends every machine and removes everything it has made. */
async function main(): Promise<void> {
  const options = readOptions();
  const log = jsonLog();
  const asked = new Promise<void>((resolve) => {
    process.on('SIGTERM', resolve).on('SIGINT', resolve);
  });
  const host = await startMachineHost({ ...options, log });
  host.ready.then(
    () => log.info('machine host is ready'),
    () => undefined, // stopped before it was
  );
  await asked;
  await host.stop();
  process.exit(0);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      'state-dir': { type: 'string' },
      tree: { type: 'string' },
      endpoint: { type: 'string' },
      'max-machines': { type: 'string' },
      'machine-memory': { type: 'string' },
    },
  });
  const environment = childEnvironment();
  const sandbox = environment['PERDURE_SANDBOX_DIR'];
  const stateDir = values['state-dir'] ?? (sandbox ? join(sandbox, 'machines') : undefined);
  const tree = values.tree ?? environment['PERDURE_MACHINE_TREE'];
  const endpoint = values.endpoint ?? environment['PERDURE_AWS_ENDPOINT'];
  if (!stateDir || !tree || !endpoint)
    throw new PerdureError('InvalidConfiguration', `state directory, tree and endpoint are needed\n${USAGE}`);
  return {
    stateDir,
    tree,
    moto: { endpoint },
    caps: {
      ...(values['max-machines'] ? { maxMachines: positive('max-machines', values['max-machines']) } : {}),
      ...(values['machine-memory'] ? { memoryMiB: positive('machine-memory', values['machine-memory']) } : {}),
    },
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new PerdureError('InvalidConfiguration', `--${option} is '${text}', must be a whole number of at least 1`);
  return value;
}

function jsonLog(): HostLog {
  const write =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg: message, ...fields })}\n`);
    };
  return { info: write('info'), warn: write('warn') };
}

function fail(error: unknown): never {
  process.stderr.write(`perdure machine host: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
