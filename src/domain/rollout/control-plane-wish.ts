import type { KubeadmControlPlane } from '../../api/types/index.js';
import type { ControlPlaneFacts } from '../facts.js';
import { ANNOTATION, namingOf } from '../names.js';
import { DEFAULT_POLICY } from '../plan/control-plane-remediation.js';
import { recordOf } from './control-plane-machine.js';

/** What the spec says about the number of machines and their names. */
export function sizeOf(controlPlane: KubeadmControlPlane, clusterName: string) {
  const { name, uid = '' } = controlPlane.metadata;
  const { machineNaming, replicas, rollout } = controlPlane.spec;
  const variables = { '.cluster.name': clusterName, '.kubeadmControlPlane.name': name };
  const naming = namingOf(machineNaming?.template, variables);
  const surge = rollout?.strategy?.rollingUpdate?.maxSurge;
  return {
    desired: replicas ?? 1,
    base: name,
    ...(naming ? { naming } : {}),
    uid,
    deleteOrder: 'Oldest' as const,
    maxSurge: Number(surge ?? 1) === 0 ? (0 as const) : (1 as const),
  };
}

/** What the spec allows and the annotation says about the replacement of unhealthy machines. */
export function remediationOf(controlPlane: KubeadmControlPlane): Pick<ControlPlaneFacts, 'policy' | 'remediating'> {
  const { maxRetry, retryPeriodSeconds, minHealthyPeriodSeconds } = controlPlane.spec.remediation ?? {};
  const remediating = recordOf(controlPlane.metadata.annotations?.[ANNOTATION.remediationInProgress]);
  return {
    policy: {
      ...(maxRetry === undefined ? {} : { maxRetry }),
      retryPeriodSeconds: retryPeriodSeconds ?? DEFAULT_POLICY.retryPeriodSeconds,
      minHealthyPeriodSeconds: minHealthyPeriodSeconds ?? DEFAULT_POLICY.minHealthyPeriodSeconds,
    },
    ...(remediating ? { remediating } : {}),
  };
}
