import type { Machine, MachinePool } from '../../api/types/index.js';
import { ownerReference } from '../../domain/contract.js';

/**
 * One machine of a pool as bootstrap and Node sync see it: they know Machines only. Its kind says that no such object exists. The name of the data is left to
 * the config: a pool's may change while it lives.
 */
export function memberOf(
  pool: MachinePool,
  member: { readonly providerID?: string; readonly addresses?: readonly { type: string; address: string }[] } = {},
): Machine {
  const { metadata, spec } = pool.spec.template;
  const { name, namespace, uid } = pool.metadata;
  const { dataSecretName, ...bootstrap } = spec.bootstrap;
  return {
    apiVersion: pool.apiVersion,
    kind: 'MachinePool',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations },
      ownerReferences: [ownerReference(pool, { controller: true })],
    },
    spec: {
      ...spec,
      bootstrap: bootstrap.configRef || dataSecretName === undefined ? bootstrap : { dataSecretName },
      ...(member.providerID === undefined ? {} : { providerID: member.providerID }),
    },
    ...(member.addresses ? { status: { addresses: [...member.addresses] } } : {}),
  } as Machine;
}
