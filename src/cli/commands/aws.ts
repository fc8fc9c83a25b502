import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { cloudFormation } from '../../domain/aws/iam/cloudformation.js';
import {
  BUCKET_PREFIX,
  DEFAULT_IAM,
  DOCUMENTS,
  type Document,
  type IamOptions,
  policyOf,
  SECRET_BACKENDS,
} from '../../domain/aws/iam/policy.js';
import type { GlobalOptions } from '../lib/connect.js';
import { DEFAULT_IAM_CONFIGURATION, type IamConfiguration, readIamConfiguration } from '../lib/iam-configuration.js';
import { examples } from '../lib/options.js';
import { command, show } from '../lib/output.js';

interface AwsOptions extends GlobalOptions, Partial<Omit<IamOptions, 'secretBackends' | 'roles'>> {
  readonly document: Document;
  readonly secretBackend?: IamOptions['secretBackends'];
  readonly config?: string;
}

interface StackOptions extends AwsOptions {
  readonly stackName?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** What the file says, and above it what the command line says. */
async function configurationOf(o: AwsOptions): Promise<IamConfiguration> {
  const file = o.config ? readIamConfiguration(await readFile(o.config, 'utf8')) : DEFAULT_IAM_CONFIGURATION;
  for (const field of file.leftOut)
    process.stderr.write(`warning: ${field} of ${o.config} has no counterpart here and is left out\n`);
  const { secretBackend: secretBackends, ...rest } = o;
  const { namePrefix, nameSuffix, partition, allowAssumeRole, bucketPrefix, eventBridge } = rest;
  const given = { namePrefix, nameSuffix, partition, allowAssumeRole, bucketPrefix, eventBridge, secretBackends };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...file, options: { ...file.options, ...said } };
}

async function printPolicy(o: AwsOptions): Promise<void> {
  const policy = policyOf(o.document, (await configurationOf(o)).options);
  show(o.output, policy, () => JSON.stringify(policy, undefined, 2));
}

async function printCloudFormation(o: AwsOptions): Promise<void> {
  const template = cloudFormation((await configurationOf(o)).options);
  show(o.output, template, () => stringify(template, { aliasDuplicateObjects: false }).trimEnd());
}

async function apply(o: StackOptions): Promise<void> {
  const configuration = await configurationOf(o);
  const { applyStack } = await import('../../activities/providers/aws/iam-stack.js');
  const name = o.stackName ?? configuration.stackName;
  const template = JSON.stringify(cloudFormation(configuration.options));
  const done = await applyStack({ name, template, tags: configuration.stackTags }, whereOf(o, configuration));
  show(o.output, { stack: name, result: done }, () => `stack ${name} ${done}`);
}

async function remove(o: StackOptions): Promise<void> {
  const configuration = await configurationOf(o);
  const { deleteStack } = await import('../../activities/providers/aws/iam-stack.js');
  const name = o.stackName ?? configuration.stackName;
  const done = await deleteStack(name, whereOf(o, configuration));
  show(o.output, { stack: name, result: done }, () => `stack ${name} ${done}`);
}

function whereOf(o: StackOptions, { region }: IamConfiguration) {
  const stop = new AbortController();
  process.once('SIGINT', () =>
    stop.abort(new Error('interrupted; the stack goes on, and the same command waits for it')),
  );
  return {
    region: o.region ?? region,
    endpoint: o.endpoint,
    signal: stop.signal,
    onState: (state: string) => void process.stderr.write(`${state}\n`),
  };
}

const policyOptions = (c: Command): Command =>
  c
    .option('--config <file>', 'an AWSIAMConfiguration, as clusterawsadm takes it')
    .option(
      '--name-prefix <text>',
      `in front of the names of roles (default: ${JSON.stringify(DEFAULT_IAM.namePrefix)})`,
    )
    .option('--name-suffix <text>', `behind the names of roles (default: ${JSON.stringify(DEFAULT_IAM.nameSuffix)})`)
    .option('--partition <partition>', `partition of AWS (default: ${JSON.stringify(DEFAULT_IAM.partition)})`)
    .addOption(
      new Option(
        '--secret-backend <name...>',
        `where bootstrap data waits for machines (default: ${JSON.stringify(DEFAULT_IAM.secretBackends[0])})`,
      ).choices(SECRET_BACKENDS),
    )
    .option('--bucket-prefix <text>', `permit buckets for Ignition whose names begin so, e.g. ${BUCKET_PREFIX}`)
    .option('--event-bridge', 'permit queues and rules that tell of instances that change (EventBridgeInstanceState)')
    .option('--allow-assume-role', 'let Perdure assume the roles of AWSClusterRoleIdentities');

const stackOptions = (c: Command): Command =>
  c
    .option(
      '--stack-name <name>',
      `name of the stack (default: ${JSON.stringify(DEFAULT_IAM_CONFIGURATION.stackName)})`,
    )
    .option('--region <region>', 'where the stack is (default: that of the environment)')
    .option('--endpoint <url>', "CloudFormation's address, if it is not AWS's own");

/** `aws iam print-policy|print-cloudformation|apply|delete`. */
export function registerAws(program: Command): void {
  const iam = program
    .command('aws')
    .description('what an AWS account needs')
    .addHelpText('after', examples('perdure aws iam print-policy'))
    .command('iam')
    .description('the permissions of Perdure and of machines, made of the calls that Perdure makes')
    .addHelpText('after', examples('perdure aws iam print-policy --document nodes'));
  policyOptions(iam.command('print-policy'))
    .description('print a policy document, JSON')
    .addOption(new Option('--document <name>', 'whose').choices(DOCUMENTS).default('controllers'))
    .addHelpText('after', examples('perdure aws iam print-policy --document controllers > policy.json'))
    .action((_l: unknown, cmd: Command) => command(() => printPolicy(cmd.optsWithGlobals())));
  policyOptions(iam.command('print-cloudformation'))
    .description('print a CloudFormation template with policies, roles and instance profiles')
    .addHelpText(
      'after',
      examples(
        'perdure aws iam print-cloudformation > iam.yaml',
        'aws cloudformation deploy --stack-name perdure --template-file iam.yaml --capabilities CAPABILITY_NAMED_IAM',
      ),
    )
    .action((_l: unknown, cmd: Command) => command(() => printCloudFormation(cmd.optsWithGlobals())));
  stackOptions(policyOptions(iam.command('apply')))
    .description(
      'make or change the CloudFormation stack with these, with the credentials of the environment, and wait',
    )
    .addHelpText(
      'after',
      examples('perdure aws iam apply --region us-east-1', 'perdure aws iam apply --config iam.yaml'),
    )
    .action((_l: unknown, cmd: Command) => command(() => apply(cmd.optsWithGlobals())));
  stackOptions(policyOptions(iam.command('delete')))
    .description('delete that stack, and wait; done when there is none')
    .addHelpText('after', examples('perdure aws iam delete --region us-east-1'))
    .action((_l: unknown, cmd: Command) => command(() => remove(cmd.optsWithGlobals())));
}
