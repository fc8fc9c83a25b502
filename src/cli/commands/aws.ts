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
import { examples } from '../lib/options.js';
import { command, show } from '../lib/output.js';

interface AwsOptions extends GlobalOptions, Omit<IamOptions, 'secretBackends'> {
  readonly document: Document;
  readonly secretBackend: IamOptions['secretBackends'];
}

const optionsOf = ({ secretBackend, ...options }: AwsOptions): IamOptions => ({
  ...options,
  secretBackends: secretBackend,
});

async function printPolicy(o: AwsOptions): Promise<void> {
  const policy = policyOf(o.document, optionsOf(o));
  show(o.output, policy, () => JSON.stringify(policy, undefined, 2));
}

async function printCloudFormation(o: AwsOptions): Promise<void> {
  const template = cloudFormation(optionsOf(o));
  show(o.output, template, () => stringify(template, { aliasDuplicateObjects: false }).trimEnd());
}

/** `aws iam print-policy|print-cloudformation`. */
export function registerAws(program: Command): void {
  const iam = program
    .command('aws')
    .description('what an AWS account needs')
    .addHelpText('after', examples('perdure aws iam print-policy'))
    .command('iam')
    .description('the permissions of Perdure and of machines, made of the calls that Perdure makes')
    .addHelpText('after', examples('perdure aws iam print-policy --document nodes'));
  const options = (c: Command): Command =>
    c
      .option('--name-prefix <text>', 'in front of the names of roles', DEFAULT_IAM.namePrefix)
      .option('--name-suffix <text>', 'behind the names of roles', DEFAULT_IAM.nameSuffix)
      .option('--partition <partition>', 'partition of AWS', DEFAULT_IAM.partition)
      .addOption(
        new Option('--secret-backend <name...>', 'where bootstrap data waits for machines')
          .choices(SECRET_BACKENDS)
          .default(DEFAULT_IAM.secretBackends),
      )
      .option('--bucket-prefix <text>', `permit buckets for Ignition whose names begin so, e.g. ${BUCKET_PREFIX}`)
      .option('--allow-assume-role', 'let Perdure assume the roles of AWSClusterRoleIdentities', false);
  options(iam.command('print-policy'))
    .description('print a policy document, JSON')
    .addOption(new Option('--document <name>', 'whose').choices(DOCUMENTS).default('controllers'))
    .addHelpText('after', examples('perdure aws iam print-policy --document controllers > policy.json'))
    .action((_l: unknown, cmd: Command) => command(() => printPolicy(cmd.optsWithGlobals())));
  options(iam.command('print-cloudformation'))
    .description('print a CloudFormation template with policies, roles and instance profiles')
    .addHelpText(
      'after',
      examples(
        'perdure aws iam print-cloudformation > iam.yaml',
        'aws cloudformation deploy --stack-name perdure --template-file iam.yaml --capabilities CAPABILITY_NAMED_IAM',
      ),
    )
    .action((_l: unknown, cmd: Command) => command(() => printCloudFormation(cmd.optsWithGlobals())));
}
