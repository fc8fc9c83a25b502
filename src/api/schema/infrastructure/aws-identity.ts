import { Type } from '@sinclair/typebox';
import { labelSelector } from '../common.js';
import { immutable, int32, list, obj, type Schema, text } from '../lib.js';
import { identityReference, names } from './aws-common.js';

function allowedNamespaces() {
  const schema = obj(
    'Namespaces whose clusters may use the identity: absent means none, {} means all, else in the list or selected.',
    {},
    {
      list: nullable(list('Namespaces by name.', text('Namespace.'))),
      selector: labelSelector('Selects namespaces by label; empty selects none.'),
    },
  );
  return nullable(schema);
}

/** Some clients write null where others write nothing. */
function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return Type.Unsafe<T | null>({ ...schema, nullable: true });
}

/** Root properties of AWSClusterControllerIdentity. */
export const AWS_CLUSTER_CONTROLLER_IDENTITY = {
  spec: obj('Who may use the credentials of the controller.', {}, { allowedNamespaces: allowedNamespaces() }),
} as const;

/** Root properties of AWSClusterStaticIdentity. */
export const AWS_CLUSTER_STATIC_IDENTITY = {
  spec: obj(
    'Long-lived credentials and who may use them.',
    {
      secretRef: immutable(
        text(
          'Secret in the namespace of the controller with keys AccessKeyID, SecretAccessKey and, optionally, SessionToken.',
        ),
        'secretRef',
      ),
    },
    { allowedNamespaces: allowedNamespaces() },
  ),
} as const;

/** Root properties of AWSClusterRoleIdentity. */
export const AWS_CLUSTER_ROLE_IDENTITY = {
  spec: obj(
    'A role, how it is assumed and who may use it.',
    { roleARN: text('ARN of the role to assume.') },
    {
      allowedNamespaces: allowedNamespaces(),
      sessionName: text('Name of the session.'),
      durationSeconds: int32('Seconds until the session is renewed.', { minimum: 900, maximum: 43_200 }),
      inlinePolicy: text('Session policy as JSON.'),
      policyARNs: names('ARNs of managed session policies.'),
      externalID: text('External id that the role asks for.'),
      sourceIdentityRef: identityReference('Identity that assumes the role. Required.'),
    },
  ),
} as const;
