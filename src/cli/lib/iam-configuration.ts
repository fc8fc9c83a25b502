import { Type } from '@sinclair/typebox';
import { parse } from 'yaml';
import { flag, list, mapOf, obj, oneOf, text } from '../../api/schema/lib.js';
import { compileValidator, formatProblems } from '../../api/schema/validate.js';
import type { Document, IamOptions, RoleExtras, Statement } from '../../domain/aws/iam/policy.js';
import { BUCKET_PREFIX, DEFAULT_IAM, SECRET_BACKENDS } from '../../domain/aws/iam/policy.js';

/** What a stack of IAM is made of, and where. */
export interface IamConfiguration {
  readonly options: IamOptions;
  readonly stackName: string;
  readonly stackTags: Readonly<Record<string, string>>;
  /** Absent: that of the environment. */
  readonly region?: string;
  /** Of the file, what is left aside. */
  readonly leftOut: readonly string[];
}

/** Upstream's. Source: capa cmd/clusterawsadm/api/bootstrap/v1beta1/defaults.go. */
const STACK_NAME = 'cluster-api-provider-aws-sigs-k8s-io';

export const DEFAULT_IAM_CONFIGURATION: IamConfiguration = {
  options: DEFAULT_IAM,
  stackName: STACK_NAME,
  stackTags: {},
  leftOut: [],
};

const API_VERSION = 'bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1';
const KIND = 'AWSIAMConfiguration';

const texts = (what: string) => list(what, text('One of them.'));
const statements = (what: string) =>
  list(what, Type.Unsafe<Statement>({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }));
const tags = (what: string) => mapOf(what, text('Value.'));
const anything = () => Type.Unsafe<unknown>({ 'x-kubernetes-preserve-unknown-fields': true });

const role = (what: string) => ({
  disable: flag(`Makes no role of ${what}.`),
  extraPolicyAttachments: texts('ARNs of further policies.'),
  extraStatements: statements('Further statements of its policy.'),
  trustStatements: statements('Who else may take the role.'),
  path: text('Path of the role.'),
  permissionsBoundary: text('ARN of the policy that limits the role.'),
  tags: tags('Tags of the role.'),
});

const SPEC = obj(
  'What upstream’s clusterawsadm takes. Source: capa cmd/clusterawsadm/api/bootstrap/v1beta1/types.go.',
  {},
  {
    namePrefix: text('In front of the names of roles.'),
    nameSuffix: text('Behind the names of roles.'),
    partition: text('Partition of AWS.'),
    region: text('Where the stack is.'),
    stackName: text('Name of the stack.'),
    stackTags: tags('Tags of the stack.'),
    allowAssumeRole: flag('Lets Perdure assume roles.'),
    secureSecretBackends: list('Where bootstrap data waits.', oneOf('Store.', SECRET_BACKENDS)),
    s3Buckets: obj(
      'Buckets for Ignition.',
      {},
      { enable: flag('Permits them.'), namePrefix: text('How names begin.') },
    ),
    controlPlane: obj(
      'Control plane machines.',
      {},
      {
        ...role('control plane machines'),
        disableClusterAPIControllerPolicyAttachment: anything(),
        disableCloudProviderPolicy: anything(),
        enableCSIPolicy: anything(),
      },
    ),
    clusterAPIControllers: obj('Perdure.', {}, { ...role('Perdure'), allowedEC2InstanceProfiles: anything() }),
    nodes: obj(
      'Nodes.',
      {},
      {
        ...role('nodes'),
        disableCloudProviderPolicy: anything(),
        ec2ContainerRegistryReadOnly: anything(),
      },
    ),
    bootstrapUser: obj(
      'A user.',
      {},
      {
        enable: flag('Makes it.'),
        ...Object.fromEntries(
          ['userName', 'groupName', 'extraPolicyAttachments', 'extraGroups', 'extraStatements', 'tags'].map((name) => [
            name,
            anything(),
          ]),
        ),
      },
    ),
    eks: anything(),
    eventBridge: obj('Events of instances.', {}, { enable: flag('Permits them.') }),
  },
);

const valid = compileValidator(
  obj('A configuration file.', { apiVersion: text('Version.'), kind: text('Kind.') }, { spec: SPEC }),
);

type File = { readonly spec?: Spec } & Readonly<Record<string, unknown>>;
type Role = RoleExtras & { readonly disable?: boolean } & Readonly<Record<string, unknown>>;
interface Spec {
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly partition?: string;
  readonly region?: string;
  readonly stackName?: string;
  readonly stackTags?: Readonly<Record<string, string>>;
  readonly allowAssumeRole?: boolean;
  readonly secureSecretBackends?: IamOptions['secretBackends'];
  readonly s3Buckets?: { readonly enable?: boolean; readonly namePrefix?: string };
  readonly controlPlane?: Role;
  readonly clusterAPIControllers?: Role;
  readonly nodes?: Role;
  readonly bootstrapUser?: { readonly enable?: boolean };
  readonly eks?: { readonly disable?: boolean };
  readonly eventBridge?: { readonly enable?: boolean };
}

const ROLES = { 'control-plane': 'controlPlane', controllers: 'clusterAPIControllers', nodes: 'nodes' } as const;
/** Switches of upstream's that change what its policies permit; ours are made of the calls. */
const SWITCHES = [
  'disableClusterAPIControllerPolicyAttachment',
  'disableCloudProviderPolicy',
  'enableCSIPolicy',
  'allowedEC2InstanceProfiles',
  'ec2ContainerRegistryReadOnly',
];

/**
 * Reads upstream's AWSIAMConfiguration, YAML. Throws with the name of the field for what is malformed; what has no counterpart is named in `leftOut`, so that
 * nobody believes it done.
 */
export function readIamConfiguration(content: string): IamConfiguration {
  const file: unknown = parse(content);
  const problems = valid(file);
  if (problems.length > 0) throw new Error(`the configuration is invalid: ${formatProblems(problems)}`);
  const { apiVersion, kind, spec = {} } = file as File;
  if (apiVersion !== API_VERSION || kind !== KIND)
    throw new Error(`apiVersion and kind: want ${API_VERSION} ${KIND}, got ${String(apiVersion)} ${String(kind)}`);
  const roles = Object.entries(ROLES).map(([name, field]) => [name, rolesOf(spec[field])] as const);
  return {
    options: {
      namePrefix: spec.namePrefix ?? DEFAULT_IAM.namePrefix,
      nameSuffix: spec.nameSuffix ?? DEFAULT_IAM.nameSuffix,
      partition: spec.partition || DEFAULT_IAM.partition,
      allowAssumeRole: spec.allowAssumeRole ?? DEFAULT_IAM.allowAssumeRole,
      secretBackends: spec.secureSecretBackends?.length ? spec.secureSecretBackends : DEFAULT_IAM.secretBackends,
      ...(spec.s3Buckets?.enable ? { bucketPrefix: spec.s3Buckets.namePrefix ?? BUCKET_PREFIX } : {}),
      ...(spec.eventBridge?.enable ? { eventBridge: true } : {}),
      roles: Object.fromEntries(roles) as Record<Document, RoleExtras>,
    },
    stackName: spec.stackName || STACK_NAME,
    stackTags: spec.stackTags ?? {},
    ...(spec.region ? { region: spec.region } : {}),
    leftOut: leftOut(spec),
  };
}

function rolesOf(given: Role = {}): RoleExtras {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !SWITCHES.includes(key)));
}

function leftOut(spec: Spec): string[] {
  return [
    ...Object.values(ROLES).flatMap((field) =>
      SWITCHES.filter((name) => spec[field]?.[name] !== undefined).map((name) => `spec.${field}.${name}`),
    ),
    ...(spec.bootstrapUser?.enable ? ['spec.bootstrapUser'] : []),
    ...(spec.eks && !spec.eks.disable ? ['spec.eks'] : []),
  ];
}
