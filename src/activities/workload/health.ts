import type { Cluster, Machine } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import type { KubeObject } from '../../api/types/meta.js';
import type { ConditionInput } from '../../domain/conditions.js';
import { isDeleting } from '../../domain/contract.js';
import { componentConditions, type EtcdView, unknownConditions } from '../../domain/control-plane-health.js';
import type { KubeClient } from '../../kube/client.js';
import type { KeyPair } from '../bootstrap/pki.js';
import type { ActivityDeps } from '../deps.js';
import { type EtcdClient, openEtcd } from './etcd.js';

/** What a control plane looks like from inside its workload cluster. */
export interface Inspection {
  /** kubeadm has finished its init: ConfigMap kube-system/kubeadm-config exists. */
  readonly initialized: boolean;
  readonly etcd?: EtcdView;
  readonly connectionError?: string;
  /** Component conditions by Machine name. */
  readonly conditions: ReadonlyMap<string, readonly ConditionInput[]>;
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Reads static pods, Nodes and etcd of a control plane. "Cannot ask" is its own answer; nothing here is ever read as absent by mistake. */
export async function inspectControlPlane(
  deps: ActivityDeps,
  cluster: Cluster,
  machines: readonly Machine[],
  managedEtcd: boolean,
): Promise<Inspection> {
  const { signal } = deps.scope();
  const withNode = machines.filter((m) => m.status?.nodeRef !== undefined);
  try {
    const workload = await deps.workload(cluster, signal);
    const [config, nodes, pods] = await Promise.all([
      workload.get(KINDS.ConfigMap, { namespace: 'kube-system', name: 'kubeadm-config' }, signal),
      workload.list<KubeObject>(KINDS.Node, { labelSelector: 'node-role.kubernetes.io/control-plane' }, signal),
      workload.list<KubeObject>(KINDS.Pod, { namespace: 'kube-system', labelSelector: 'tier=control-plane' }, signal),
    ]);
    const initialized = config !== undefined;
    const etcd = managedEtcd && withNode.length > 0 ? await viewEtcd(deps, cluster, workload, withNode) : {};
    const conditions = new Map<string, readonly ConditionInput[]>();
    for (const machine of machines) {
      const name = machine.status?.nodeRef?.name;
      conditions.set(
        machine.metadata.name,
        name
          ? componentConditions({ name, node: nodes.find((n) => n.metadata.name === name), pods }, etcd.view, {
              managedEtcd,
              ...(etcd.error ? { etcdError: etcd.error } : {}),
            })
          : unknownConditions('InspectionFailed', 'Waiting for the Node to exist', managedEtcd),
      );
    }
    return { initialized, conditions, ...(etcd.view ? { etcd: etcd.view } : {}) };
  } catch (error) {
    signal.throwIfAborted();
    const text = message(error);
    return {
      initialized: false,
      connectionError: text,
      conditions: new Map(
        machines.map((m) => [m.metadata.name, unknownConditions('ConnectionDown', text, managedEtcd)]),
      ),
    };
  }
}

async function viewEtcd(
  deps: ActivityDeps,
  cluster: Cluster,
  workload: KubeClient,
  machines: readonly Machine[],
): Promise<{ view?: EtcdView; error?: string }> {
  let error = '';
  for (const machine of [...machines].sort((a, b) => Number(isDeleting(a)) - Number(isDeleting(b)))) {
    let client: EtcdClient | undefined;
    try {
      client = await openEtcd(
        workload,
        machine.status?.nodeRef?.name ?? '',
        await etcdAuthority(deps, cluster),
        deps.scope().signal,
      );
      return { view: await client.view() };
    } catch (e) {
      deps.scope().signal.throwIfAborted();
      error = message(e);
    } finally {
      await client?.close();
    }
  }
  return { error };
}

/** Certificate authority of the cluster's etcd, from Secret `<cluster>-etcd`. Holds a secret. */
export async function etcdAuthority(deps: ActivityDeps, cluster: Cluster): Promise<KeyPair> {
  const secret = await deps.kube.get<KubeObject & { data?: Record<string, string> }>(
    KINDS.Secret,
    { namespace: cluster.metadata.namespace ?? '', name: `${cluster.metadata.name}-etcd` },
    deps.scope().signal,
  );
  const text = (key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
  return { cert: text('tls.crt'), key: text('tls.key') };
}
