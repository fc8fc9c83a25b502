import { type Command, Option } from 'commander';
import pc from 'picocolors';
import { cacheDir, childEnvironment } from '../../config/config.js';
import { runningSandbox, startSupervisor, stopSandbox } from '../../sandbox/control.js';
import { PORT_OPTIONS, type Ports } from '../../sandbox/endpoints.js';
import type { Endpoints, Layout } from '../../sandbox/layout.js';
import { prepare } from '../../sandbox/prepare.js';
import { type SandboxStatus, sandboxStatus } from '../../sandbox/status.js';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS } from '../../sandbox/tools/index.js';
import { type GlobalOptions, layoutFor } from '../lib/connect.js';
import { examples, whole } from '../lib/options.js';
import { command, print, printError, show, table } from '../lib/output.js';

export interface UpOptions extends GlobalOptions {
  readonly machines?: string;
  readonly maxMachines?: number;
  readonly machineMemory?: number;
  readonly uiPort?: number;
  readonly apiPort?: number;
  readonly temporalPort?: number;
  readonly awsPort?: number;
  readonly cloudDelay?: number;
  readonly features?: string;
}

const DEFAULT_DELAY_MS = 1_000;

/** Prepares and starts a sandbox; used by `perdure up` and the demo alike. One that runs already is left as it is. */
export async function up(layout: Layout, options: UpOptions, say: (line: string) => void): Promise<Endpoints> {
  const ports: Ports = {
    ...(options.apiPort === undefined ? {} : { apiServer: options.apiPort }),
    ...(options.temporalPort === undefined ? {} : { temporal: options.temporalPort }),
    ...(options.uiPort === undefined ? {} : { ui: options.uiPort }),
    ...(options.awsPort === undefined ? {} : { aws: options.awsPort }),
  };
  const running = await runningSandbox(layout, ports);
  if (running) {
    say(`a sandbox runs already from ${layout.root}`);
    return running;
  }
  const env = childEnvironment();
  const machines = options.machines !== 'none';
  const prepared = await prepare({ cacheDir: cacheDir(), stateDir: layout.machines, env, machines, say });
  return startSupervisor(
    layout,
    {
      ...prepared,
      cacheDir: cacheDir(),
      python: 'python3',
      delays: { allMs: options.cloudDelay ?? DEFAULT_DELAY_MS },
      ports,
      caps: {
        ...(options.maxMachines === undefined ? {} : { maxMachines: options.maxMachines }),
        ...(options.machineMemory === undefined ? {} : { memoryMiB: options.machineMemory }),
      },
      env: {
        PATH: env['PATH'] ?? '',
        HOME: env['HOME'] ?? '',
        ...(options.features ? { PERDURE_FEATURES: options.features } : {}),
      },
    },
    say,
  );
}

/** Where progress goes, so that JSON output stays JSON. */
const sayFor = ({ output }: GlobalOptions): ((line: string) => void) => (output === 'json' ? printError : print);

async function runUp(options: UpOptions): Promise<void> {
  const layout = layoutFor(options);
  const endpoints = await up(layout, options, sayFor(options));
  const kubernetesVersions = KUBERNETES_VERSIONS;
  show(options.output, { dir: layout.root, kubeconfig: layout.kubeconfig, kubernetesVersions, ...endpoints }, () =>
    [
      '',
      `management cluster   export KUBECONFIG=${layout.kubeconfig}`,
      `Temporal UI          ${endpoints.ui}`,
      `emulated AWS         ${endpoints.aws}`,
      `Kubernetes versions  ${KUBERNETES_VERSIONS.join(', ')} (${KUBERNETES_VERSION} is the default)`,
      `stop with            perdure down${options.dir ? ` --dir ${layout.root}` : ''}`,
    ].join('\n'),
  );
}

async function runDown(options: GlobalOptions & { keep?: boolean }): Promise<void> {
  const layout = layoutFor(options);
  const was = await stopSandbox(layout, { keep: options.keep === true, say: sayFor(options) });
  show(options.output, { stopped: was, dir: layout.root }, () =>
    was ? `sandbox at ${layout.root} is down` : `no sandbox at ${layout.root}`,
  );
}

/** First line of `status`. */
function headline({ running, phase, supervisorPid, components }: SandboxStatus): string {
  if (running) return `${phase} (supervisor pid ${supervisorPid})`;
  if (!components.some((c) => c.pid !== undefined)) return 'not running';
  return "the supervisor is gone, but parts go on: 'perdure up' takes them over, 'perdure down' ends them";
}

/** The status of a sandbox as people read it. */
export function statusText(status: SandboxStatus, kubeconfig: string): string {
  const { components, machines, endpoints, losses } = status;
  const lines = [headline(status)];
  if (components.length > 0) {
    const row = (c: (typeof components)[number]) => [
      c.name,
      c.pid === undefined ? pc.red('not running') : String(c.pid),
      c.restarts > 0 ? String(c.restarts) : '',
    ];
    lines.push(table(['COMPONENT', 'PID', 'RESTARTS'], components.map(row)));
  }
  for (const { at, component, what } of losses)
    lines.push(
      '',
      pc.yellow(
        `${component} had to start empty at ${at}: ${what} are lost; clusters from before can only be deleted and made anew`,
      ),
    );
  if (machines.length > 0) {
    const rows = machines.map((m) => [m.name, m.ip, m.phase, m.kubernetes, m.console]);
    lines.push('', table(['MACHINE', 'IP', 'PHASE', 'KUBERNETES', 'CONSOLE'], rows));
  }
  if (endpoints)
    lines.push('', `Temporal UI   ${endpoints.ui}`, `kubeconfig    ${kubeconfig}`, `AWS           ${endpoints.aws}`);
  return lines.join('\n');
}

async function runStatus(options: GlobalOptions): Promise<void> {
  const layout = layoutFor(options);
  const status = await sandboxStatus(layout);
  show(options.output, { ...status, kubeconfig: layout.kubeconfig, dir: layout.root }, () =>
    statusText(status, layout.kubeconfig),
  );
  if (!status.healthy) process.exitCode = 1;
}

/** `up`, `down`, `status`. */
export function registerSandboxCommands(program: Command): void {
  const port = whole(1, 65_535);
  program
    .command('up')
    .description(
      'start a sandbox: management API server, Temporal with UI, emulated AWS with machines that boot, Perdure',
    )
    .addOption(
      new Option('--machines <kind>', 'native (systemd-nspawn, needs root) or none')
        .choices(['native', 'none'])
        .default('native'),
    )
    .option('--max-machines <n>', 'at most this many machines', whole(1))
    .option('--features <list>', 'features of Perdure, Name=true,Other=false')
    .option('--machine-memory <MiB>', 'memory for all machines together', whole(1))
    .option(`${PORT_OPTIONS.ui} <port>`, "port of Temporal's UI", port)
    .option(`${PORT_OPTIONS.apiServer} <port>`, 'port of the management API server', port)
    .option(`${PORT_OPTIONS.temporal} <port>`, "port of Temporal's frontend", port)
    .option(`${PORT_OPTIONS.aws} <port>`, 'port of the emulated AWS', port)
    .option('--cloud-delay <ms>', 'how long the emulated cloud takes for state changes', whole(0), DEFAULT_DELAY_MS)
    .addHelpText(
      'after',
      examples(
        'perdure up && export KUBECONFIG=$(perdure status -o json | jq -r .kubeconfig)',
        'perdure up --machines none --dir ./second --ui-port 8233',
      ),
    )
    .action((_l: unknown, cmd: Command) => command(() => runUp(cmd.optsWithGlobals())));
  program
    .command('down')
    .description('stop the sandbox and remove all it made')
    .option('--keep', 'keep its state for a later up')
    .addHelpText('after', examples('perdure down', 'perdure down --keep --dir ./second'))
    .action((_l: unknown, cmd: Command) => command(() => runDown(cmd.optsWithGlobals())));
  program
    .command('status')
    .description('what of the sandbox runs, and where; exit code 1 unless everything does')
    .addHelpText('after', examples('perdure status', 'perdure status -o json | jq -r .endpoints.ui'))
    .action((_l: unknown, cmd: Command) => command(() => runStatus(cmd.optsWithGlobals())));
}
