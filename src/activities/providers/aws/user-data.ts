import { gzipSync } from 'node:zlib';
import type { IgnitionSpec, S3Bucket } from '../../../api/types/aws.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject } from '../../../api/types/meta.js';
import { pointingConfig } from '../../../domain/aws/ignition.js';
import { notYet, PerdureError } from '../../../domain/errors.js';
import type { CallContext } from '../port.js';
import type { AwsCall } from './cloud.js';
import { type MachineScope, requireCluster } from './machine-scope.js';
import { machineKey, putBootstrapData, removeBootstrapData } from './objects.js';
import { type SecretStore, secretStore } from './secret-stores.js';
import { ownedTags, TAG } from './tags.js';

/** EC2's limit on user data before base64. */
export const USER_DATA_LIMIT = 16_384;

/** `bucket/key` of the bootstrap data of a machine with Ignition, while it may be there. */
const OBJECT_ANNOTATION = 'perdure.dev/aws-bootstrap-object';

interface SecretPlace {
  readonly region: string;
  readonly prefix: string;
  readonly count: number;
}

/** Cuts a payload into values for the secret store; at least one. */
export function chunksOf(payload: Buffer, size: number): Buffer[] {
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, index) => payload.subarray(index * size, (index + 1) * size));
}

/**
 * User data that fetches the real one: a boothook writes it to a file, and the file is included when cloud-init starts again. A failed fetch is
 * tried again for about five minutes; upstream's script gives up and deletes the secret (capa#4896).
 */
export function fetchingUserData(place: SecretPlace, store: SecretStore): string {
  const boundary = 'perdure-bootstrap';
  return [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/cloud-boothook; charset="us-ascii"',
    '',
    fetchScript(place, store),
    `--${boundary}`,
    'Content-Type: text/x-include-url; charset="us-ascii"',
    '',
    'file:///etc/secret-userdata.txt',
    '',
    `--${boundary}--`,
    '',
  ].join('\n');
}

function fetchScript({ region, prefix, count }: SecretPlace, store: SecretStore): string {
  const names = Array.from({ length: count }, (_, index) => `'${store.name(prefix, index)}'`).join(' ');
  return `#!/bin/bash
# Fetches this machine's bootstrap data from AWS ${store.title} and starts cloud-init with it.
set -o errexit -o nounset -o pipefail
umask 077
file=/etc/secret-userdata.txt
region='${region}'
names=(${names})
log() { echo "perdure bootstrap [$(date --iso-8601=seconds)] $*" >&2; }
if [[ -s $file ]]; then
  log 'bootstrap data is already on disk'
  exit 0
fi
work=$(mktemp -d /run/perdure-bootstrap.XXXXXX)
trap 'rm -rf "$work"' EXIT
fetch() {
  ${store.fetch} > "$work/text" && base64 -d < "$work/text" >> "$work/data"
}
delete() {
  ${store.delete} > /dev/null
}
for name in "\${names[@]}"; do
  wait=2
  size=$(stat -c %s "$work/data" 2> /dev/null || echo 0)
  for attempt in $(seq 1 12); do
    if fetch "$name"; then break; fi
    truncate -s "$size" "$work/data"
    if [[ $attempt == 12 ]]; then
      log "cannot read secret $name; check the instance profile and the route to ${store.title}"
      exit 1
    fi
    log "reading secret $name failed, attempt $attempt"
    sleep $wait
    wait=$((wait < 32 ? wait * 2 : 32))
  done
done
gunzip -c < "$work/data" > "$work/plain"
mv "$work/plain" $file
for name in "\${names[@]}"; do
  delete "$name" || log "secret $name is left to the controller"
done
log 'starting cloud-init again with the bootstrap data'
systemctl restart cloud-init
`;
}

/**
 * Base64 user data for RunInstances. By default the payload of cloud-init is stored in the secret store first, and that of Ignition in the cluster's bucket; its
 * place is recorded before that, or made of the machine's name.
 */
export async function prepareUserData(scope: MachineScope): Promise<string> {
  const { data, format } = await bootstrapData(scope);
  const { spec } = scope.object;
  if (format === 'ignition') {
    const key = machineKey(scope.isControlPlane, scope.object.metadata.name);
    const { what, aws } = scope;
    const bucket = requireCluster(scope).object.spec.s3Bucket;
    const storage = spec.ignition?.storageType ?? 'ClusterObjectStore';
    if (bucket && storage === 'ClusterObjectStore') {
      await scope.record(({ metadata }) => {
        metadata.annotations = { ...metadata.annotations, [OBJECT_ANNOTATION]: `${bucket.name}/${key}` };
      });
    }
    const text = await ignitionUserData({
      what,
      aws,
      data,
      ignition: { ...spec.ignition, storageType: storage },
      bucket,
      key,
    });
    return checked(what, text, 'set spec.ignition.storageType to ClusterObjectStore, which lifts the limit');
  }
  if (spec.cloudInit?.insecureSkipSecretsManager) {
    const plain = spec.uncompressedUserData ? data : gzipSync(data);
    return checked(
      scope.what,
      plain,
      'remove spec.cloudInit.insecureSkipSecretsManager, which lifts the limit, or shorten the bootstrap data',
    );
  }
  const store = secretStore(scope.aws, spec.cloudInit);
  const chunks = chunksOf(gzipSync(data), store.chunkSize);
  const prefix = spec.cloudInit?.secretPrefix || store.prefix(scope.ctx.machineId);
  await scope.record((copy) => {
    copy.spec.cloudInit = { ...copy.spec.cloudInit, secretPrefix: prefix, secretCount: chunks.length };
  });
  for (const [index, chunk] of chunks.entries()) {
    const name = store.name(prefix, index);
    await store.put(name, chunk, secretTags(scope, name));
  }
  const place = { region: scope.aws.region, prefix, count: chunks.length };
  return checked(
    scope.what,
    Buffer.from(fetchingUserData(place, store)),
    'use spec.cloudInit.secureSecretsBackend secrets-manager, whose values are larger',
  );
}

export interface IgnitionInput {
  /** For messages. */
  readonly what: string;
  readonly aws: AwsCall;
  /** The Ignition config. Secret. */
  readonly data: Buffer;
  readonly ignition: IgnitionSpec;
  readonly bucket: S3Bucket | undefined;
  /** Where it lies in the bucket. */
  readonly key: string;
}

/** What Ignition gets as user data: the config itself, or one that points to it in the cluster's bucket. Secret. */
export async function ignitionUserData({ what, aws, data, ignition, bucket, key }: IgnitionInput): Promise<Buffer> {
  if (ignition.storageType === 'UnencryptedUserData') return data;
  if (!bucket) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: spec.ignition.storageType is ClusterObjectStore, but the AWSCluster has no spec.s3Bucket; give it one, or set UnencryptedUserData`,
      { details: { field: 'spec.ignition.storageType' } },
    );
  }
  return Buffer.from(pointingConfig(await putBootstrapData(aws, bucket, key, data), ignition));
}

async function bootstrapData({ ctx, label, what }: MachineScope): Promise<BootstrapData> {
  const name = ctx.machine.spec.bootstrap.dataSecretName;
  if (!name) throw notYet(`Machine ${label} waits for bootstrap data`);
  return readBootstrapData(ctx, { namespace: ctx.machine.metadata.namespace ?? '', name }, what);
}

export interface BootstrapData {
  /** Secret. */
  readonly data: Buffer;
  readonly format: 'cloud-config' | 'ignition';
}

/** The content of a bootstrap Secret. Throws `Transient` while it is missing. */
export async function readBootstrapData(
  { kube, signal }: Pick<CallContext, 'kube' | 'signal'>,
  ref: { readonly namespace: string; readonly name: string },
  what: string,
): Promise<BootstrapData> {
  const secret = await kube.get<KubeObject & { data?: Record<string, string> }>(KINDS.Secret, ref, signal);
  const value = secret?.data?.['value'];
  if (value === undefined) {
    throw new PerdureError(
      'Transient',
      `secret ${ref.namespace}/${ref.name} with the bootstrap data of ${what} is missing or has no key "value"`,
    );
  }
  const format = Buffer.from(secret?.data?.['format'] ?? '', 'base64').toString();
  return { data: Buffer.from(value, 'base64'), format: format === 'ignition' ? 'ignition' : 'cloud-config' };
}

function checked(what: string, data: Buffer, remedy: string): string {
  if (data.length <= USER_DATA_LIMIT) return data.toString('base64');
  throw new PerdureError(
    'InvalidConfiguration',
    `${what}: user data has ${data.length} bytes, EC2 takes at most ${USER_DATA_LIMIT}; ${remedy}`,
    { details: { bytes: data.length, limit: USER_DATA_LIMIT } },
  );
}

function secretTags(scope: MachineScope, name: string): Record<string, string> {
  const { clusterName, clusterId, object } = requireCluster(scope);
  const role = scope.isControlPlane ? 'control-plane' : 'node';
  const extra = { [TAG.machineId]: scope.ctx.machineId, [TAG.machineName]: scope.label };
  return ownedTags({ clusterName, clusterId, name, role, additional: object.spec.additionalTags, extra });
}

/** Deletes what the machine's bootstrap data was stored as, if anything is recorded, and then the record. Absent is success. */
export async function removeSecrets(scope: MachineScope): Promise<void> {
  await removeObject(scope);
  const { cloudInit } = scope.object.spec;
  const { secretPrefix: prefix, secretCount: count = 0 } = cloudInit ?? {};
  if (!prefix || cloudInit?.insecureSkipSecretsManager) return;
  const store = secretStore(scope.aws, cloudInit);
  for (let index = 0; index < Math.max(1, count); index++) await store.remove(store.name(prefix, index));
  await scope.record(({ spec }) => {
    delete spec.cloudInit?.secretPrefix;
    delete spec.cloudInit?.secretCount;
  });
}

async function removeObject(scope: MachineScope): Promise<void> {
  const [bucket, ...key] = (scope.object.metadata.annotations?.[OBJECT_ANNOTATION] ?? '').split('/');
  if (!bucket) return;
  const spec = scope.cluster?.object.spec.s3Bucket;
  const bestEffortDeleteObjects = spec?.bestEffortDeleteObjects ?? false;
  await removeBootstrapData(scope.aws, { name: bucket, bestEffortDeleteObjects }, key.join('/'));
  await scope.record(({ metadata }) => {
    const { [OBJECT_ANNOTATION]: _, ...others } = metadata.annotations ?? {};
    metadata.annotations = others;
  });
}
