import { CreateTagsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { WORKLOAD } from '../../src/activities/collect/kinds.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import { readPath } from '../../src/domain/contract.js';
import { type KubeClient, kubeFromKubeconfigText } from '../../src/kube/client.js';
import type { MotoHandle } from '../../src/sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients, until } from '../../src/sandbox/moto/testing.js';
import { type ApiServer, startApiServer } from '../helpers/api-server.js';
import { type CloudController, startCloudController } from '../helpers/aws-ccm.js';
import { securityGroup, sharedVpc } from '../helpers/external-resources.js';

/** The real cloud controller manager makes real mistakes: what the collector is tested with has to look like what it makes. */
jest.setTimeout(300_000);

const OWNED = { 'kubernetes.io/cluster/demo': 'owned' };
let moto: MotoHandle;
let clients: TestClients;
let server: ApiServer;
let kube: KubeClient;
let controller: CloudController | undefined;

beforeAll(async () => {
  moto = await startTestMoto({ allMs: 0 });
  clients = testClients(moto.endpoint);
  server = await startApiServer();
  kube = kubeFromKubeconfigText(server.kubeconfig);
}, 1_800_000);

afterAll(async () => {
  await controller?.stop();
  await kube?.close();
  await server?.stop();
  await moto?.stop();
});

/** A node with an instance of the cluster behind it. */
async function node(subnet: string, group: string): Promise<void> {
  const { Instances } = await clients.ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0c04d33dd05ca9751',
      InstanceType: 't3.large',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
      SecurityGroupIds: [group],
    }),
  );
  const id = Instances?.[0]?.InstanceId ?? '';
  const Tags = Object.entries(OWNED).map(([Key, Value]) => ({ Key, Value }));
  await clients.ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
  await kube.create(KINDS.Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: Instances?.[0]?.PrivateDnsName ?? id },
    spec: { providerID: `aws:///us-east-1a/${id}` },
  } as KubeObject);
}

const service = (name: string, annotations: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name, annotations },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } },
  }) as KubeObject;

const INTERNAL = { 'service.beta.kubernetes.io/aws-load-balancer-internal': 'true' };

test('makes a classic and a network load balancer for two Services, and takes them away again', async () => {
  const place = await sharedVpc(clients);
  const Tags = Object.entries(OWNED).map(([Key, Value]) => ({ Key, Value }));
  await clients.ec2.send(new CreateTagsCommand({ Resources: [...place.subnets], Tags }));
  await node(place.subnets[0], await securityGroup(clients, place.vpc, 'demo-lb', OWNED));
  const before = (await moto.admin.inventory()).length;
  controller = await startCloudController({
    kubeconfig: server.kubeconfig,
    endpoint: moto.endpoint,
    cluster: 'demo',
    vpc: place.vpc,
    subnet: place.subnets[0],
  });
  const nlb = { ...INTERNAL, 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' };
  await kube.create(WORKLOAD.Service, service('classic', INTERNAL));
  await kube.create(WORKLOAD.Service, service('network', nlb));
  const hosts = async (): Promise<string[]> => {
    const services = await kube.list<KubeObject>(WORKLOAD.Service, { namespace: 'default' });
    return services.flatMap((one) => {
      const [entry] = (readPath(one, 'status.loadBalancer.ingress') ?? []) as { hostname?: string }[];
      return entry?.hostname ? [entry.hostname] : [];
    });
  };
  const log = controller.log;
  await until(hosts, (found) => found.length === 2, 60_000).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${(await log()).split('\n').slice(-40).join('\n')}`);
  });
  const made = (await moto.admin.inventory()).filter((item) => item.tags['kubernetes.io/service-name']);
  expect(made.map((item) => item.type).sort()).toEqual(['listener', 'loadbalancer', 'loadbalancer', 'targetgroup']);
  for (const name of ['classic', 'network']) await kube.delete(WORKLOAD.Service, { namespace: 'default', name });
  await until(
    () => moto.admin.inventory(),
    (items) => items.length === before,
    60_000,
  );
});
