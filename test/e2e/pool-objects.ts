import type { MachinePool } from '../../src/api/types/index.js';
import { KINDS } from '../../src/api/types/kinds.js';
import { isTrue } from '../../src/domain/conditions.js';
import { NAMESPACE } from './cluster.js';
import { configTemplate } from './heal-objects.js';
import type { Loose } from './objects.js';
import { type TestSandbox, until } from './sandbox.js';

const CORE = 'cluster.x-k8s.io';
const BOOTSTRAP = 'bootstrap.cluster.x-k8s.io';
const INFRASTRUCTURE = 'infrastructure.cluster.x-k8s.io';

/** A MachinePool of a cluster of the default flavour, its group and its bootstrap config. */
export function poolObjects(cluster: string, name: string, version: string, replicas: number): Loose[] {
  const metadata = { namespace: NAMESPACE, name };
  const { template } = configTemplate(name, [])['spec'] as { template: { spec: object } };
  return [
    { apiVersion: `${BOOTSTRAP}/v1beta2`, kind: 'KubeadmConfig', metadata, spec: template.spec },
    {
      apiVersion: `${INFRASTRUCTURE}/v1beta2`,
      kind: 'AWSMachinePool',
      metadata,
      spec: {
        minSize: 1,
        maxSize: 3,
        awsLaunchTemplate: {
          instanceType: 't3.large',
          iamInstanceProfile: 'nodes.cluster-api-provider-aws.sigs.k8s.io',
          sshKeyName: 'default',
        },
      },
    },
    {
      apiVersion: `${CORE}/v1beta2`,
      kind: 'MachinePool',
      metadata,
      spec: {
        clusterName: cluster,
        replicas,
        template: {
          spec: {
            clusterName: cluster,
            version,
            bootstrap: { configRef: { apiGroup: BOOTSTRAP, kind: 'KubeadmConfig', name } },
            infrastructureRef: { apiGroup: INFRASTRUCTURE, kind: 'AWSMachinePool', name },
          },
        },
      },
    },
  ];
}

/** Waits until a pool has exactly that many instances, all Nodes that are available. */
export async function poolSettled(
  { kube }: TestSandbox,
  name: string,
  replicas: number,
  seconds: number,
): Promise<MachinePool> {
  let last = '';
  return await until(
    `a pool of ${replicas}`,
    async () => {
      const pool = await kube.get<MachinePool>(KINDS.MachinePool, { namespace: NAMESPACE, name });
      const { status } = pool ?? {};
      last = JSON.stringify(status?.conditions ?? 'nothing');
      const isThere = status?.replicas === replicas && status.availableReplicas === replicas;
      return isThere && isTrue(status?.conditions, 'Available') ? pool : undefined;
    },
    { seconds, last: () => last },
  );
}
