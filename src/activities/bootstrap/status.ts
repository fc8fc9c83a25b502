import type { KubeadmConfig } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import {
  type ConditionInput,
  mergeConditions,
  mergeV1Beta1Conditions,
  summarize,
  type V1Beta1Input,
} from '../../domain/conditions.js';
import type { Kube } from '../../kube/kube.js';
import { applyStatus } from '../kube/write.js';

/** State of one of the two conditions a KubeadmConfig has. */
export type Readiness =
  | { readonly state: 'true' }
  | { readonly state: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string };

export interface ConfigStatus {
  readonly dataSecret: Readiness;
  /** Absent until certificates were looked at. */
  readonly certificates?: Readiness | undefined;
  readonly dataSecretName?: string | undefined;
}

/** Field manager of KubeadmConfig's status; its only writer. */
export const KUBEADM_CONFIG_STATUS_MANAGER = 'perdure-kubeadmconfig';

const READY = { trueReason: 'Ready', falseReason: 'NotReady', unknownReason: 'ReadyUnknown' } as const;

/**
 * Writes a KubeadmConfig's status: conditions of both API generations and, once there, the Secret's name. Nothing is sent when nothing
 * changed. Source: capi bootstrap/kubeadm/reconcilers/kubeadmconfig.
 */
export async function writeConfigStatus(
  kube: Kube,
  config: KubeadmConfig,
  wanted: ConfigStatus,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  const status = configStatus(config, wanted, now);
  await applyStatus(kube, KINDS.KubeadmConfig, config, status, KUBEADM_CONFIG_STATUS_MANAGER, signal);
}

/** The status as it should be. Pure; `now` is only used for conditions that changed. */
export function configStatus(
  config: KubeadmConfig,
  wanted: ConfigStatus,
  now: Date,
): NonNullable<KubeadmConfig['status']> {
  const generation = config.metadata.generation ?? 1;
  const stamp = now.toISOString().replace(/\.\d{3}Z$/, 'Z');
  const before = config.status;
  const conditions = conditionInputs(wanted);
  const v1beta1 = v1beta1Inputs(wanted);
  return {
    conditions: mergeConditions(before?.conditions, conditions, generation, stamp),
    ...(wanted.dataSecretName
      ? { dataSecretName: wanted.dataSecretName, initialization: { dataSecretCreated: true } }
      : {}),
    observedGeneration: generation,
    deprecated: {
      v1beta1: { conditions: mergeV1Beta1Conditions(before?.deprecated?.v1beta1?.conditions, v1beta1, stamp) },
    },
  };
}

function conditionInputs({ dataSecret, certificates }: ConfigStatus): ConditionInput[] {
  const data: ConditionInput =
    dataSecret.state === 'true'
      ? { type: 'DataSecretAvailable', status: 'True', reason: 'Available' }
      : { type: 'DataSecretAvailable', status: 'False', reason: 'NotAvailable', message: dataSecret.message };
  const conditions = [data];
  if (certificates?.state === 'true')
    conditions.push({ type: 'CertificatesAvailable', status: 'True', reason: 'Available' });
  else if (certificates) {
    conditions.push({
      type: 'CertificatesAvailable',
      status: 'Unknown',
      reason: 'InternalError',
      message: certificates.message,
    });
  }
  const ready = summarize('Ready', conditions, {
    positive: ['DataSecretAvailable', 'CertificatesAvailable'],
    ...READY,
  });
  return [...conditions, ready];
}

function v1beta1Inputs({ dataSecret, certificates }: ConfigStatus): V1Beta1Input[] {
  const one = (type: string, r: Readiness, failed: 'Error' | 'Warning'): V1Beta1Input =>
    r.state === 'true'
      ? { type, status: 'True' }
      : {
          type,
          status: 'False',
          severity: r.state === 'waiting' ? 'Info' : failed,
          reason: r.reason,
          message: r.message,
        };
  const list = [
    one('DataSecretAvailable', dataSecret, 'Warning'),
    ...(certificates ? [one('CertificatesAvailable', certificates, 'Error')] : []),
  ];
  const bad = list.find((c) => c.status !== 'True');
  return [...list, bad ? { ...bad, type: 'Ready' } : { type: 'Ready', status: 'True' }];
}
