import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { notYet, PerdureError } from '../../../domain/errors.js';
import type { CallContext } from '../port.js';
import { hasCode, isAbsent } from './errors.js';
import { type MachineScope, requireCluster } from './machine-scope.js';
import { seededUuid } from './names.js';
import { ownedTags, TAG, tagList } from './tags.js';

/** EC2's limit on user data before base64. */
export const USER_DATA_LIMIT = 16_384;
/** Below Secrets Manager's 65,536 bytes per value. */
const CHUNK_SIZE = 60_000;
/** The prefix that upstream's IAM policies allow. */
const SECRET_NAMES = 'aws.cluster.x-k8s.io';

interface SecretPlace {
  readonly region: string;
  readonly prefix: string;
  readonly count: number;
}

/** Cuts a payload into values for the secret store; at least one. */
export function chunksOf(payload: Buffer, size = CHUNK_SIZE): Buffer[] {
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, index) => payload.subarray(index * size, (index + 1) * size));
}

/**
 * User data that fetches the real one: a boothook writes it to a file, and the file is included when cloud-init starts again. A failed fetch is
 * tried again for about five minutes; upstream's script gives up and deletes the secret (capa#4896).
 */
export function fetchingUserData(place: SecretPlace): string {
  const boundary = 'perdure-bootstrap';
  return [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/cloud-boothook; charset="us-ascii"',
    '',
    fetchScript(place),
    `--${boundary}`,
    'Content-Type: text/x-include-url; charset="us-ascii"',
    '',
    'file:///etc/secret-userdata.txt',
    '',
    `--${boundary}--`,
    '',
  ].join('\n');
}

function fetchScript({ region, prefix, count }: SecretPlace): string {
  return `#!/bin/bash
# Fetches this machine's bootstrap data from AWS Secrets Manager and starts cloud-init with it.
set -o errexit -o nounset -o pipefail
umask 077
file=/etc/secret-userdata.txt
log() { echo "perdure bootstrap [$(date --iso-8601=seconds)] $*" >&2; }
secrets() { aws secretsmanager --region '${region}' "$@"; }
if [[ -s $file ]]; then
  log 'bootstrap data is already on disk'
  exit 0
fi
work=$(mktemp -d /run/perdure-bootstrap.XXXXXX)
trap 'rm -rf "$work"' EXIT
fetch() {
  secrets get-secret-value --secret-id "$1" --query SecretBinary --output text > "$work/text" && base64 -d < "$work/text" >> "$work/data"
}
for index in $(seq 0 ${count - 1}); do
  wait=2
  size=$(stat -c %s "$work/data" 2> /dev/null || echo 0)
  for attempt in $(seq 1 12); do
    if fetch "${prefix}-$index"; then break; fi
    truncate -s "$size" "$work/data"
    if [[ $attempt == 12 ]]; then
      log "cannot read secret ${prefix}-$index; check the instance profile and the route to Secrets Manager"
      exit 1
    fi
    log "reading secret ${prefix}-$index failed, attempt $attempt"
    sleep $wait
    wait=$((wait < 32 ? wait * 2 : 32))
  done
done
gunzip -c < "$work/data" > "$work/plain"
mv "$work/plain" $file
for index in $(seq 0 ${count - 1}); do
  secrets delete-secret --force-delete-without-recovery --secret-id "${prefix}-$index" > /dev/null || log "secret ${prefix}-$index is left to the controller"
done
log 'starting cloud-init again with the bootstrap data'
systemctl restart cloud-init
`;
}

/** Base64 user data for RunInstances. In the default mode the payload is stored in Secrets Manager first; its place is recorded before that. */
export async function prepareUserData(scope: MachineScope): Promise<string> {
  const data = await bootstrapData(scope);
  const { spec } = scope.object;
  if (spec.cloudInit?.insecureSkipSecretsManager) {
    const plain = spec.uncompressedUserData ? data : gzipSync(data);
    return checked(
      scope,
      plain,
      'remove spec.cloudInit.insecureSkipSecretsManager, which lifts the limit, or shorten the bootstrap data',
    );
  }
  const chunks = chunksOf(gzipSync(data));
  const prefix = spec.cloudInit?.secretPrefix || `${SECRET_NAMES}/${seededUuid(scope.ctx.machineId)}`;
  await scope.record((copy) => {
    copy.spec.cloudInit = { ...copy.spec.cloudInit, secretPrefix: prefix, secretCount: chunks.length };
  });
  for (const [index, chunk] of chunks.entries()) await storeSecret(scope, `${prefix}-${index}`, chunk);
  const place = { region: scope.aws.region, prefix, count: chunks.length };
  return checked(scope, Buffer.from(fetchingUserData(place)), 'report this as a bug');
}

async function bootstrapData({ ctx, label, what }: MachineScope): Promise<Buffer> {
  const name = ctx.machine.spec.bootstrap.dataSecretName;
  if (!name) throw notYet(`Machine ${label} waits for bootstrap data`);
  return readBootstrapData(ctx, { namespace: ctx.machine.metadata.namespace ?? '', name }, what);
}

/** The content of a bootstrap Secret. Secret. Throws `Transient` while it is missing, `InvalidConfiguration` for Ignition. */
export async function readBootstrapData(
  { kube, signal }: Pick<CallContext, 'kube' | 'signal'>,
  ref: { readonly namespace: string; readonly name: string },
  what: string,
): Promise<Buffer> {
  const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(KINDS.Secret, ref, signal);
  const value = secret?.data?.['value'];
  if (value === undefined) {
    throw new PerdureError(
      'Transient',
      `secret ${ref.namespace}/${ref.name} with the bootstrap data of ${what} is missing or has no key "value"`,
    );
  }
  if (Buffer.from(secret?.data?.['format'] ?? '', 'base64').toString() === 'ignition') {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: bootstrap format ignition is not supported; set format cloud-config in the KubeadmConfig`,
    );
  }
  return Buffer.from(value, 'base64');
}

function checked({ label }: MachineScope, data: Buffer, remedy: string): string {
  if (data.length <= USER_DATA_LIMIT) return data.toString('base64');
  throw new PerdureError(
    'InvalidConfiguration',
    `AWSMachine ${label}: user data has ${data.length} bytes, EC2 takes at most ${USER_DATA_LIMIT}; ${remedy}`,
    { details: { bytes: data.length, limit: USER_DATA_LIMIT } },
  );
}

/** The token is made of the content: storing the same again changes nothing. */
async function storeSecret(scope: MachineScope, name: string, value: Buffer): Promise<void> {
  const { secrets } = scope.aws;
  const token = seededUuid(createHash('sha256').update(name).update(value).digest('hex'));
  try {
    await secrets.createSecret({
      Name: name,
      SecretBinary: value,
      ClientRequestToken: token,
      Tags: tagList(secretTags(scope, name)),
    });
  } catch (error) {
    if (!hasCode(error, 'ResourceExistsException')) throw error;
    await secrets.putSecretValue({ SecretId: name, SecretBinary: value, ClientRequestToken: token });
  }
}

function secretTags(scope: MachineScope, name: string): Record<string, string> {
  const { clusterName, clusterId, object } = requireCluster(scope);
  const role = scope.isControlPlane ? 'control-plane' : 'node';
  const extra = { [TAG.machineId]: scope.ctx.machineId, [TAG.machineName]: scope.label };
  return ownedTags({ clusterName, clusterId, name, role, additional: object.spec.additionalTags, extra });
}

/** Deletes the machine's secrets, if any are recorded, and then the record. Absent is success. */
export async function removeSecrets(scope: MachineScope): Promise<void> {
  const { secretPrefix: prefix, secretCount: count = 0 } = scope.object.spec.cloudInit ?? {};
  if (!prefix || scope.object.spec.cloudInit?.insecureSkipSecretsManager) return;
  for (let index = 0; index < Math.max(1, count); index++) {
    try {
      await scope.aws.secrets.deleteSecret({ SecretId: `${prefix}-${index}`, ForceDeleteWithoutRecovery: true });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
  await scope.record(({ spec }) => {
    delete spec.cloudInit?.secretPrefix;
    delete spec.cloudInit?.secretCount;
  });
}
