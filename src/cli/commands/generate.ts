import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import semver from 'semver';
import { childEnvironment } from '../../config/config.js';
import { envsubst, variablesOf } from '../../domain/envsubst.js';
import { PerdureError } from '../../domain/errors.js';
import { KUBERNETES_VERSION } from '../../sandbox/tools/index.js';
import type { GlobalOptions } from '../lib/connect.js';
import { assignment, examples, whole } from '../lib/options.js';
import { command, print, show, table } from '../lib/output.js';

const DEFAULT_FLAVOR = 'default';
const templatePath = fileURLToPath(new URL('../templates/cluster-template.yaml', import.meta.url));

interface GenerateOptions extends GlobalOptions {
  readonly flavor: string;
  readonly from?: string;
  readonly kubernetesVersion?: string;
  readonly controlPlaneMachineCount?: number;
  readonly workerMachineCount?: number;
  readonly set?: Readonly<Record<string, string>>;
  readonly listVariables?: boolean;
}

/** Text of a template: a file, or a flavour of ours. */
async function templateText({ flavor, from }: Pick<GenerateOptions, 'flavor' | 'from'>): Promise<string> {
  if (from === undefined && flavor !== DEFAULT_FLAVOR) {
    throw new PerdureError(
      'InvalidConfiguration',
      `flavor ${flavor} does not exist; use ${DEFAULT_FLAVOR}, or a template of your own with --from FILE`,
    );
  }
  try {
    return await readFile(from ?? templatePath, 'utf8');
  } catch (error) {
    throw new PerdureError('InvalidConfiguration', `cannot read template ${from}: ${(error as Error).message}`);
  }
}

/** The default flavour's manifest, or another template's, with variables set. Throws naming all that are missing. */
export async function generateManifest(
  variables: Readonly<Record<string, string | undefined>>,
  from?: string,
): Promise<string> {
  return envsubst(await templateText({ flavor: DEFAULT_FLAVOR, ...(from === undefined ? {} : { from }) }), variables);
}

/** A version as images and kubeadm name it. Anything else would only be found out by the first machine. */
function kubernetesVersion(text: string): string {
  if (semver.valid(text) === null)
    throw new InvalidArgumentError(`'${text}' is no version such as ${KUBERNETES_VERSION}`);
  return text.startsWith('v') ? text : `v${text}`;
}

/** Variables of a command line: `--set` over flags over the environment. */
function variables(name: string, options: GenerateOptions): Record<string, string | undefined> {
  const flags = {
    KUBERNETES_VERSION: options.kubernetesVersion,
    CONTROL_PLANE_MACHINE_COUNT: options.controlPlaneMachineCount,
    WORKER_MACHINE_COUNT: options.workerMachineCount,
    NAMESPACE: options.namespace,
  };
  const given = Object.entries(flags).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return { ...childEnvironment(), ...Object.fromEntries(given), ...options.set, CLUSTER_NAME: name };
}

async function generateCluster(name: string, options: GenerateOptions): Promise<void> {
  const template = await templateText(options);
  if (options.listVariables) {
    const list = variablesOf(template);
    const rows = list.map((v) => [v.name, v.default ?? '(required)']);
    return show(options.output, list, () => table(['VARIABLE', 'DEFAULT'], rows));
  }
  print(envsubst(template, variables(name, options)).trimEnd());
}

/** `generate cluster`. */
export function registerGenerate(program: Command): void {
  program
    .command('generate')
    .description('print manifests')
    .addHelpText('after', examples('perdure generate cluster demo --list-variables'))
    .command('cluster <name>')
    .description("print a cluster's manifest from a template (clusterctl's variables)")
    .option('--flavor <flavor>', 'flavor of the template', DEFAULT_FLAVOR)
    .option('--from <file>', 'a template of your own')
    .option('--kubernetes-version <version>', 'KUBERNETES_VERSION', kubernetesVersion)
    .option('--control-plane-machine-count <n>', 'CONTROL_PLANE_MACHINE_COUNT', whole(1))
    .option('--worker-machine-count <n>', 'WORKER_MACHINE_COUNT', whole(0))
    .option('--set <name=value>', 'a variable of the template; may be given again', assignment)
    .option('--list-variables', 'list the variables instead')
    .addHelpText(
      'after',
      examples(
        'AWS_REGION=us-east-1 AWS_SSH_KEY_NAME=default perdure generate cluster demo --kubernetes-version v1.34.4 | kubectl apply -f -',
        'perdure generate cluster demo --list-variables',
      ),
    )
    .action((name: string, _l: unknown, cmd: Command) => command(() => generateCluster(name, cmd.optsWithGlobals())));
}
