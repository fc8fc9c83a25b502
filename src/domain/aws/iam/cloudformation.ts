import { DEFAULT_IAM, DOCUMENTS, type Document, type IamOptions, policyOf, type RoleExtras } from './policy.js';

const LOGICAL: Readonly<Record<Document, string>> = {
  controllers: 'Controllers',
  'control-plane': 'ControlPlane',
  nodes: 'Nodes',
};
/** Which policies a role has. Control plane machines may run Perdure, as after a move, and are nodes themselves. Source: capa cmd/clusterawsadm bootstrap template. */
const POLICIES: Readonly<Record<Document, readonly Document[]>> = {
  controllers: ['controllers'],
  'control-plane': ['control-plane', 'nodes', 'controllers'],
  nodes: ['nodes'],
};

type Resource = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> };

export interface Template {
  readonly AWSTemplateFormatVersion: '2010-09-09';
  readonly Description: string;
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** The service that gives instances their roles; a partition of China has a name of its own for it. */
const ec2Of = (partition: string): string => (partition === 'aws-cn' ? 'ec2.amazonaws.com.cn' : 'ec2.amazonaws.com');

function extrasOf({ extraPolicyAttachments, path, permissionsBoundary, tags }: RoleExtras = {}) {
  return {
    ...(extraPolicyAttachments?.length ? { ManagedPolicyArns: extraPolicyAttachments } : {}),
    ...(path ? { Path: path } : {}),
    ...(permissionsBoundary ? { PermissionsBoundary: permissionsBoundary } : {}),
    ...(tags ? { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } : {}),
  };
}

/** A CloudFormation template with the policies, roles and instance profiles that clusters need, under upstream's names. Pure. */
export function cloudFormation(options: IamOptions = DEFAULT_IAM): Template {
  const { namePrefix, nameSuffix, partition } = options;
  const named = (name: Document): string => `${namePrefix}${name}${nameSuffix}`;
  const instances = { Effect: 'Allow', Action: ['sts:AssumeRole'], Principal: { Service: [ec2Of(partition)] } };
  const made = DOCUMENTS.filter((name) => !options.roles?.[name]?.disable);
  const of = (name: Document): [string, Resource][] => [
    [
      `Policy${LOGICAL[name]}`,
      {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: {
          ManagedPolicyName: named(name),
          Description: `For the ${name} of clusters of Perdure`,
          PolicyDocument: policyOf(name, options),
          Roles: made
            .filter((role) => POLICIES[role].includes(name))
            .map((role) => ({
              Ref: `Role${LOGICAL[role]}`,
            })),
        },
      },
    ],
    [
      `Role${LOGICAL[name]}`,
      {
        Type: 'AWS::IAM::Role',
        Properties: {
          RoleName: named(name),
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [instances, ...(options.roles?.[name]?.trustStatements ?? [])],
          },
          ...extrasOf(options.roles?.[name]),
        },
      },
    ],
    [
      `Profile${LOGICAL[name]}`,
      {
        Type: 'AWS::IAM::InstanceProfile',
        Properties: { InstanceProfileName: named(name), Roles: [{ Ref: `Role${LOGICAL[name]}` }] },
      },
    ],
  ];
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Policies, roles and instance profiles for clusters of Perdure',
    Resources: Object.fromEntries(made.flatMap(of)),
  };
}
