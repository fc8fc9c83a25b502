import type {
  AllowedNamespaces,
  AWSClusterControllerIdentity,
  AWSClusterRoleIdentity,
  AWSClusterStaticIdentity,
} from '../types/aws.js';
import type { KubeObject } from '../types/meta.js';
import { checkNamespaceSelector } from './aws-fields.js';
import { type FieldError, forbidden, invalid, required, type Verdict, verdict } from './field-errors.js';
import { ensureObject, sameJson } from './json.js';

const MOVE_HIERARCHY = 'clusterctl.cluster.x-k8s.io/move-hierarchy';

/** A copy with the label by which `clusterctl move` takes a cluster-scoped object along; only when there are no labels yet. */
function withMoveLabel<T extends KubeObject>(object: T): T {
  const out = structuredClone(object);
  const metadata = ensureObject(out, 'metadata');
  metadata.labels ??= { [MOVE_HIERARCHY]: '' };
  return out;
}

function checkAllowed(allowed: AllowedNamespaces | null | undefined): FieldError[] {
  return checkNamespaceSelector(allowed?.selector, 'spec.allowedNamespaces.selector');
}

export function defaultAWSClusterControllerIdentity(
  identity: AWSClusterControllerIdentity,
): AWSClusterControllerIdentity {
  return withMoveLabel(identity);
}

/** A singleton named `default` whose spec cannot change. */
export function validateAWSClusterControllerIdentity(
  identity: AWSClusterControllerIdentity,
  old: AWSClusterControllerIdentity | undefined,
): Verdict {
  const errors = checkAllowed(identity.spec?.allowedNamespaces);
  if (!old && identity.metadata.name !== 'default') {
    errors.push(
      invalid(
        'metadata.name',
        identity.metadata.name,
        "there is only one AWSClusterControllerIdentity: name it 'default'",
      ),
    );
  }
  if (old && !sameJson(old.spec ?? {}, identity.spec ?? {})) {
    errors.push(forbidden('spec', 'cannot be changed: delete the identity and make it again'));
  }
  return verdict(errors);
}

export function defaultAWSClusterStaticIdentity(identity: AWSClusterStaticIdentity): AWSClusterStaticIdentity {
  return withMoveLabel(identity);
}

/** `secretRef` cannot change. */
export function validateAWSClusterStaticIdentity(
  identity: AWSClusterStaticIdentity,
  old: AWSClusterStaticIdentity | undefined,
): Verdict {
  const errors = checkAllowed(identity.spec.allowedNamespaces);
  if (old && old.spec.secretRef !== identity.spec.secretRef) {
    errors.push(
      invalid('spec.secretRef', identity.spec.secretRef, 'cannot be changed: make another identity for another secret'),
    );
  }
  return verdict(errors);
}

export function defaultAWSClusterRoleIdentity(identity: AWSClusterRoleIdentity): AWSClusterRoleIdentity {
  return withMoveLabel(identity);
}

/** A role needs the identity that assumes it, and cannot lose it. */
export function validateAWSClusterRoleIdentity(
  identity: AWSClusterRoleIdentity,
  old: AWSClusterRoleIdentity | undefined,
): Verdict {
  const errors = checkAllowed(identity.spec.allowedNamespaces);
  const { sourceIdentityRef } = identity.spec;
  if (!sourceIdentityRef && (!old || old.spec.sourceIdentityRef)) {
    const message = 'name the identity that assumes the role, e.g. kind AWSClusterControllerIdentity, name default';
    errors.push(required('spec.sourceIdentityRef', message));
  }
  if (sourceIdentityRef?.kind === 'AWSClusterRoleIdentity' && sourceIdentityRef.name === identity.metadata.name) {
    errors.push(
      invalid(
        'spec.sourceIdentityRef.name',
        sourceIdentityRef.name,
        'an identity cannot assume its own role: name another one',
      ),
    );
  }
  return verdict(errors);
}
