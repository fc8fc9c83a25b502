import type { Command } from 'commander';
import { cacheDir, childEnvironment } from '../../config/config.js';
import { PerdureError } from '../../domain/errors.js';
import { sandboxStatus, startSupervisor, stopSandbox } from '../../sandbox/control.js';
import type { Endpoints, Layout } from '../../sandbox/layout.js';
import { prepare } from '../../sandbox/prepare.js';
import { type GlobalOptions, layoutFor } from '../lib/connect.js';
import { command, print, show, table } from '../lib/output.js';

export interface UpOptions extends GlobalOptions {
  readonly machines?: string;
  readonly uiPort?: string;
  readonly apiPort?: string;
  readonly temporalPort?: string;
  readonly awsPort?: string;
  readonly cloudDelay?: string;
}

const port = (flag: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new PerdureError('InvalidConfiguration', `${flag} ${text} is not a port (1 to 65535)`);
  return value;
};

/** Prepares and starts a sandbox; used by `perdure up`, the demo and the tests alike. */
export async function up(layout: Layout, options: UpOptions, say: (line: string) => void): Promise<Endpoints> {
  const env = childEnvironment();
  const machines = options.machines ?? 'native';
  if (machines !== 'native' && machines !== 'none')
    throw new PerdureError('InvalidConfiguration', `--machines ${machines} is not known; use native or none`);
  const prepared = await prepare({
    cacheDir: cacheDir(),
    stateDir: layout.machines,
    env,
    machines: machines === 'native',
    say,
  });
  const ports = Object.fromEntries(
    Object.entries({
      apiServer: port('--api-port', options.apiPort),
      temporal: port('--temporal-port', options.temporalPort),
      ui: port('--ui-port', options.uiPort),
      aws: port('--aws-port', options.awsPort),
    }).filter(([, v]) => v !== undefined),
  );
  const delay = Number(options.cloudDelay ?? '1000');
  return startSupervisor(
    layout,
    {
      ...prepared,
      cacheDir: cacheDir(),
      python: 'python3',
      delays: { allMs: delay },
      ports,
      env: { PATH: env['PATH'] ?? '', HOME: env['HOME'] ?? '' },
    },
    say,
  );
}

/** `up`, `down`, `status`. */
export function registerSandboxCommands(program: Command): void {
  program
    .command('up')
    .description(
      'start a sandbox: management API server, Temporal with UI, emulated AWS with machines that boot, Perdure',
    )
    .option('--machines <kind>', 'native (systemd-nspawn, needs root) or none', 'native')
    .option('--ui-port <port>', "port of Temporal's UI")
    .option('--api-port <port>', 'port of the management API server')
    .option('--temporal-port <port>', "port of Temporal's frontend")
    .option('--aws-port <port>', 'port of the emulated AWS')
    .option('--cloud-delay <ms>', 'how long the emulated cloud takes for state changes', '1000')
    .addHelpText(
      'after',
      '\nExample:\n  $ perdure up && export KUBECONFIG=$(perdure status -o json | jq -r .kubeconfig)',
    )
    .action((_l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<UpOptions>();
        const layout = layoutFor(o);
        const say = o.output === 'json' ? (line: string) => void process.stderr.write(`${line}\n`) : print;
        const endpoints = await up(layout, o, say);
        show(o.output, { dir: layout.root, kubeconfig: layout.kubeconfig, ...endpoints }, () =>
          [
            '',
            `management cluster   export KUBECONFIG=${layout.kubeconfig}`,
            `Temporal UI          ${endpoints.ui}`,
            `emulated AWS         ${endpoints.aws}`,
            `stop with            perdure down`,
          ].join('\n'),
        );
      }),
    );
  program
    .command('down')
    .description('stop the sandbox and remove all it made')
    .option('--keep', 'keep its state for a later up')
    .action((_l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<GlobalOptions & { keep?: boolean }>();
        const layout = layoutFor(o);
        await stopSandbox(layout, { keep: o.keep === true, say: print });
        show(o.output, { stopped: true, dir: layout.root }, () => `sandbox at ${layout.root} is down`);
      }),
    );
  program
    .command('status')
    .description('what of the sandbox runs, and where')
    .action((_l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<GlobalOptions>();
        const layout = layoutFor(o);
        const status = await sandboxStatus(layout);
        show(o.output, { ...status, kubeconfig: layout.kubeconfig, dir: layout.root }, () =>
          [
            status.running ? `running (supervisor pid ${status.supervisorPid})` : 'not running',
            table(
              ['COMPONENT', 'PID'],
              status.components.map((c) => [c.name, c.pid === undefined ? '-' : String(c.pid)]),
            ),
            ...(status.machines.length > 0
              ? [
                  '',
                  table(
                    ['MACHINE', 'IP', 'PHASE', 'CONSOLE'],
                    status.machines.map((m) => [m.name, m.ip, m.phase, m.console]),
                  ),
                ]
              : []),
            ...(status.endpoints
              ? [
                  '',
                  `Temporal UI   ${status.endpoints.ui}`,
                  `kubeconfig    ${layout.kubeconfig}`,
                  `AWS           ${status.endpoints.aws}`,
                ]
              : []),
          ].join('\n'),
        );
        if (!status.running) process.exitCode = 1;
      }),
    );
}
