import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../../../../test/helpers/api-server.js';
import { FakeKube } from '../../../../test/helpers/fake-kube.js';
import { aCluster, aControlPlane, aKubeadmConfig, aMachine } from '../../../../test/helpers/fake-objects.js';
import { kubeadmParts } from '../../../../test/helpers/kubeadm-cluster.js';
import { KINDS } from '../../../api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../../../api/types/meta.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../../kube/client.js';
import { type UpkeepDeps, upkeepDue } from './due.js';
import { finishUpgrade, prepareUpgrade } from './index.js';

/** A real API server as the workload cluster: it defaults, validates and refuses what the fake one lets pass. */
jest.setTimeout(120_000);

const SYSTEM = 'kube-system';
const cluster = aCluster();
const parts = kubeadmParts(
  'registry.k8s.io/coredns:1.7.0',
  '.:53 {\n    kubernetes cluster.local {\n        transfer to *\n    }\n    cache 30\n}\n',
);
const controlPlane = aControlPlane(cluster, {
  kubeadmConfigSpec: {
    clusterConfiguration: { apiServer: { certSANs: ['a.test'] }, dns: { imageTag: 'v1.12.1' } },
  },
});
const machine = { ...aMachine(cluster, { name: 'cp-1', controlPlane }), status: { nodeRef: { name: 'node-1' } } };
const read = async (): Promise<Date> => new Date('2027-03-04T05:06:07Z');
/** All that upkeep may write. */
const WATCHED: readonly (readonly [ResourceKind, string | undefined, string])[] = [
  [KINDS.ConfigMap, SYSTEM, 'kubeadm-config'],
  [KINDS.ConfigMap, SYSTEM, 'coredns'],
  [KINDS.DaemonSet, SYSTEM, 'kube-proxy'],
  [KINDS.Deployment, SYSTEM, 'coredns'],
  [KINDS.ClusterRole, undefined, 'system:coredns'],
  [KINDS.ClusterRole, undefined, 'kubeadm:get-nodes'],
  [KINDS.ClusterRoleBinding, undefined, 'kubeadm:get-nodes'],
  [KINDS.ClusterRoleBinding, undefined, 'kubeadm:apiserver-kubelet-client'],
];

let server: ApiServer;
let workload: KubeClient;
let management: FakeKube;
let deps: UpkeepDeps;

beforeAll(async () => {
  server = await startApiServer();
  workload = kubeFromKubeconfigText(server.kubeconfig);
}, 900_000);

afterAll(async () => {
  await workload?.close();
  await server?.stop();
});

beforeEach(async () => {
  for (const [kind, namespace, name] of WATCHED)
    await workload.delete(kind, { ...(namespace ? { namespace } : {}), name });
  await workload.create(KINDS.ConfigMap, parts.kubeadmConfig);
  await workload.create(KINDS.DaemonSet, parts.kubeProxy);
  await workload.create(KINDS.ConfigMap, parts.corefile);
  await workload.create(KINDS.Deployment, parts.coreDns);
  await workload.create(KINDS.ClusterRole, parts.coreDnsRole);
  management = new FakeKube({ objects: [cluster, controlPlane, machine, aKubeadmConfig(machine)] });
  const { signal } = new AbortController();
  deps = { kube: management, workload: async () => workload, scope: () => ({ signal, heartbeat: () => undefined }) };
});

const stored = <T extends KubeObject>([kind, namespace, name]: (typeof WATCHED)[number]): Promise<T | undefined> =>
  workload.get<T>(kind, { ...(namespace ? { namespace } : {}), name });
const versions = (): Promise<(string | undefined)[]> =>
  Promise.all(WATCHED.map(async (what) => (await stored(what))?.metadata.resourceVersion));

test('what kubeadm installed is brought up to date once, and a second run writes nothing', async () => {
  expect(await upkeepDue(deps, cluster, controlPlane, [machine])).toEqual([
    'kube-proxy',
    'CoreDNS',
    'certificate expiry',
  ]);
  await prepareUpgrade(deps, cluster, controlPlane);
  await finishUpgrade(deps, cluster, controlPlane, read);

  const [kubeadmConfig, corefile, kubeProxy, coreDns, role] = await Promise.all(
    WATCHED.slice(0, 5).map((w) => stored(w)),
  );
  expect(kubeadmConfig).toMatchObject({
    data: { ClusterConfiguration: expect.stringMatching(/kubernetesVersion: v1\.34\.4/) },
  });
  expect(corefile).toMatchObject({
    data: {
      Corefile: expect.stringContaining('transfer cluster.local {\n        to *\n    }'),
      'Corefile-backup': parts.corefile.data['Corefile'],
    },
  });
  const image = (name: string, wanted: string) => ({
    spec: { template: { spec: { containers: [{ name, image: wanted }] } } },
  });
  expect(kubeProxy).toMatchObject(image('kube-proxy', 'registry.k8s.io/kube-proxy:v1.34.4'));
  expect(coreDns).toMatchObject(image('coredns', 'registry.k8s.io/coredns:v1.12.1'));
  expect(coreDns).toMatchObject({
    spec: { template: { spec: { volumes: [{ configMap: { items: [{ key: 'Corefile', path: 'Corefile' }] } }] } } },
  });
  expect(role).toMatchObject({ rules: [{}, { resources: ['endpointslices'] }] });

  const [before, writes] = [await versions(), management.writes().length];
  expect(before).not.toContain(undefined);
  expect(await upkeepDue(deps, cluster, controlPlane, [machine])).toEqual([]);
  await prepareUpgrade(deps, cluster, controlPlane);
  await finishUpgrade(deps, cluster, controlPlane, read);
  expect(await versions()).toEqual(before);
  expect(management.writes()).toHaveLength(writes);
});

test('two that run at once end at the same', async () => {
  const run = async (): Promise<void> => {
    await prepareUpgrade(deps, cluster, controlPlane);
    await finishUpgrade(deps, cluster, controlPlane, read);
  };
  await Promise.allSettled([run(), run()]);
  // one may have been told that the other changed what it had planned for: it is run again
  await run();
  expect(await upkeepDue(deps, cluster, controlPlane, [machine])).toEqual([]);
  expect(await stored(WATCHED[1] as (typeof WATCHED)[number])).toMatchObject({
    data: { 'Corefile-backup': parts.corefile.data['Corefile'] },
  });
});
