import type { KubeadmConfigSpec } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { duplicate, type FieldError, forbidden, invalid, required } from './field-errors.js';
import { isDefined } from './object-fields.js';

/**
 * Rules for a kubeadm config wherever it is embedded; `path` is where. Errors never carry the content of a file or a password.
 * Source: cluster-api bootstrap/kubeadm/webhooks/admission/kubeadmconfig.go.
 */
export function checkKubeadmConfigSpec(
  spec: KubeadmConfigSpec,
  path: string,
  ctx: AdmissionContext,
  options: { readonly controlPlane: boolean },
): FieldError[] {
  return [
    ...checkFiles(spec, `${path}.files`),
    ...checkUsers(spec, `${path}.users`),
    ...checkIgnition(spec, path, ctx),
    ...checkPartitions(spec, `${path}.diskSetup.partitions`),
    ...checkDiscovery(spec, path),
    ...(options.controlPlane ? checkSameTimeout(spec, path) : []),
  ];
}

interface SecretSource {
  readonly secret?: { readonly name?: string; readonly key?: string } | undefined;
}

function checkSource(source: SecretSource | undefined, path: string): FieldError[] {
  if (!isDefined(source)) return [];
  const errors: FieldError[] = [];
  if (!source.secret?.name) errors.push(required(`${path}.secret.name`, 'name the Secret'));
  if (!source.secret?.key) errors.push(required(`${path}.secret.key`, 'name the key in the Secret'));
  return errors;
}

function checkFiles(spec: KubeadmConfigSpec, path: string): FieldError[] {
  const seen = new Set<string>();
  return (spec.files ?? []).flatMap((file, i) => {
    const at = `${path}[${i}]`;
    const errors = checkSource(file.contentFrom, `${at}.contentFrom`);
    if (file.content && isDefined(file.contentFrom)) {
      errors.push(invalid(at, file.path, 'content and contentFrom exclude each other: remove one of them'));
    }
    if (seen.has(file.path)) errors.push(duplicate(`${at}.path`, file.path, 'each file needs a path of its own'));
    seen.add(file.path);
    return errors;
  });
}

function checkUsers(spec: KubeadmConfigSpec, path: string): FieldError[] {
  return (spec.users ?? []).flatMap((user, i) => {
    const at = `${path}[${i}]`;
    const errors = checkSource(user.passwdFrom, `${at}.passwdFrom`);
    if (user.passwd && isDefined(user.passwdFrom)) {
      errors.push(invalid(at, user.name, 'passwd and passwdFrom exclude each other: remove one of them'));
    }
    return errors;
  });
}

function checkIgnition(spec: KubeadmConfigSpec, path: string, ctx: AdmissionContext): FieldError[] {
  const ignition = spec.format === 'ignition';
  const errors: FieldError[] = [];
  if (!ctx.gates.KubeadmBootstrapFormatIgnition) {
    const message = 'needs feature gate KubeadmBootstrapFormatIgnition: turn it on or use cloud-config';
    if (ignition) errors.push(forbidden(`${path}.format`, message));
    if (isDefined(spec.ignition)) errors.push(forbidden(`${path}.ignition`, message));
    return errors;
  }
  if (!ignition) {
    return isDefined(spec.ignition)
      ? [invalid(`${path}.format`, spec.format, 'must be ignition when the ignition block is set')]
      : [];
  }
  return checkIgnitionLimits(spec, path);
}

/** What cloud-config can do and Ignition cannot. */
function checkIgnitionLimits(spec: KubeadmConfigSpec, path: string): FieldError[] {
  const message = 'is not supported with format ignition: remove it';
  const errors: FieldError[] = [];
  spec.users?.forEach((user, i) => {
    if (user.inactive) errors.push(forbidden(`${path}.users[${i}].inactive`, message));
  });
  spec.files?.forEach((file, i) => {
    if (file.encoding === 'gzip' || file.encoding === 'gzip+base64') {
      errors.push(forbidden(`${path}.files[${i}].encoding`, message));
    }
  });
  if (spec.bootCommands !== undefined) errors.push(forbidden(`${path}.bootCommands`, message));
  spec.diskSetup?.partitions?.forEach((partition, i) => {
    const { tableType } = partition;
    if (tableType !== undefined && tableType !== 'gpt') {
      errors.push(
        invalid(`${path}.diskSetup.partitions[${i}].tableType`, tableType, 'must be gpt with format ignition'),
      );
    }
  });
  spec.diskSetup?.filesystems?.forEach((filesystem, i) => {
    const at = `${path}.diskSetup.filesystems[${i}]`;
    if (filesystem.replaceFS) errors.push(forbidden(`${at}.replaceFS`, message));
    if (filesystem.partition) errors.push(forbidden(`${at}.partition`, message));
  });
  return errors;
}

function checkPartitions(spec: KubeadmConfigSpec, path: string): FieldError[] {
  return (spec.diskSetup?.partitions ?? []).flatMap((partition, i) => {
    const total = (partition.diskLayout ?? []).reduce((sum, part) => sum + part.percentage, 0);
    return total > 100
      ? [invalid(`${path}[${i}].diskLayout`, total, 'the percentages must not add up to more than 100')]
      : [];
  });
}

function checkDiscovery(spec: KubeadmConfigSpec, path: string): FieldError[] {
  const user = spec.joinConfiguration?.discovery?.file?.kubeConfig?.user;
  if (!isDefined(user?.authProvider) || !isDefined(user.exec)) return [];
  const at = `${path}.joinConfiguration.discovery.file.kubeConfig.user`;
  return [invalid(at, undefined, 'authProvider and exec exclude each other: remove one of them')];
}

/** v1beta1 has one field for both, so they cannot differ while it is served. */
function checkSameTimeout(spec: KubeadmConfigSpec, path: string): FieldError[] {
  const field = 'timeouts.controlPlaneComponentHealthCheckSeconds';
  const init = spec.initConfiguration?.timeouts?.controlPlaneComponentHealthCheckSeconds;
  const join = spec.joinConfiguration?.timeouts?.controlPlaneComponentHealthCheckSeconds;
  if (init === join) return [];
  const message = `must be the same in initConfiguration (${init ?? 'unset'}) and joinConfiguration (${join ?? 'unset'})`;
  return [
    invalid(`${path}.initConfiguration.${field}`, init, message),
    invalid(`${path}.joinConfiguration.${field}`, join, message),
  ];
}
