import { createHash } from 'node:crypto';
import type { AWSTags, CloudInitSpec } from '../../../api/types/aws.js';
import type { AwsCall } from './cloud.js';
import { hasCode, isAbsent } from './errors.js';
import { seededUuid } from './names.js';
import { tagList } from './tags.js';

/** Where bootstrap data waits for its machine: it fetches it, deletes it, and starts with it. */
export interface SecretStore {
  /** Bytes per value. */
  readonly chunkSize: number;
  /** In front of the names of one machine's values; upstream's IAM policies allow these. */
  prefix(machineId: string): string;
  name(prefix: string, index: number): string;
  /** Stores a value; the same again changes nothing. */
  put(name: string, value: Buffer, tags: AWSTags): Promise<void>;
  /** Absent is success. */
  remove(name: string): Promise<void>;
  /** Lines of shell by which a machine prints the value of `"$1"` to stdout, and deletes it. */
  readonly fetch: string;
  readonly delete: string;
  /** For messages of the machine. */
  readonly title: string;
}

/** Below Secrets Manager's 65,536 bytes per value. */
const SECRET_BYTES = 60_000;
/** A standard parameter holds 4,096 characters, and base64 makes four of three bytes. */
const PARAMETER_BYTES = 3_000;
const NAMES = 'cluster.x-k8s.io';

/** The store that the machine's spec names; Secrets Manager where it names none. */
export function secretStore(aws: AwsCall, { secureSecretsBackend: backend }: CloudInitSpec = {}): SecretStore {
  return backend === 'ssm-parameter-store' ? parameterStore(aws) : secretsManager(aws);
}

function secretsManager({ secrets }: AwsCall): SecretStore {
  return {
    chunkSize: SECRET_BYTES,
    title: 'Secrets Manager',
    prefix: (machineId) => `aws.${NAMES}/${seededUuid(machineId)}`,
    name: (prefix, index) => `${prefix}-${index}`,
    async put(Name, SecretBinary, tags) {
      // made of the content: the same content is the same version
      const ClientRequestToken = seededUuid(createHash('sha256').update(Name).update(SecretBinary).digest('hex'));
      try {
        await secrets.createSecret({ Name, SecretBinary, ClientRequestToken, Tags: tagList(tags) });
      } catch (error) {
        if (!hasCode(error, 'ResourceExistsException')) throw error;
        await secrets.putSecretValue({ SecretId: Name, SecretBinary, ClientRequestToken });
      }
    },
    async remove(SecretId) {
      try {
        await secrets.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },
    fetch: `aws secretsmanager --region "$region" get-secret-value --secret-id "$1" --query SecretBinary --output text`,
    delete: `aws secretsmanager --region "$region" delete-secret --force-delete-without-recovery --secret-id "$1"`,
  };
}

function parameterStore({ ssm }: AwsCall): SecretStore {
  return {
    chunkSize: PARAMETER_BYTES,
    title: 'Systems Manager',
    // names that begin with "aws" or "ssm" are AWS's own
    prefix: (machineId) => `/${NAMES}/${seededUuid(machineId)}`,
    name: (prefix, index) => `${prefix}/${index}`,
    async put(Name, value, tags) {
      const request = { Name, Value: value.toString('base64'), Type: 'SecureString' as const };
      try {
        await ssm.putParameter({ ...request, Tags: tagList(tags) });
      } catch (error) {
        if (!hasCode(error, 'ParameterAlreadyExists')) throw error;
        // tags and overwriting exclude each other
        await ssm.putParameter({ ...request, Overwrite: true });
      }
    },
    async remove(Name) {
      try {
        await ssm.deleteParameter({ Name });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },
    fetch: `aws ssm --region "$region" get-parameter --with-decryption --name "$1" --query Parameter.Value --output text`,
    delete: `aws ssm --region "$region" delete-parameter --name "$1"`,
  };
}
