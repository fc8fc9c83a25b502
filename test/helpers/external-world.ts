import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { collectExternal, findExternal, reportExternal } from '../../src/activities/collect/sweep.js';
import {
  type AwsProvider,
  awsClusterObjects,
  clusterContext,
  ensureCluster,
  retried,
  testProvider,
} from '../../src/activities/providers/aws/testing.js';
import type { AWSCluster } from '../../src/api/types/aws.js';
import { KINDS } from '../../src/api/types/kinds.js';
import type { KubeObject } from '../../src/api/types/meta.js';
import type { ExternalResource } from '../../src/domain/collect/external.js';
import type { ReportLine } from '../../src/domain/collect/report.js';
import type { MotoHandle } from '../../src/sandbox/moto/index.js';
import { startTestMoto, type TestClients, testClients } from '../../src/sandbox/moto/testing.js';
import { type ActivityWorld, activityWorld, keyOf } from './activity-world.js';
import { type Place, sharedVpc } from './external-resources.js';
import type { FakeProvider } from './fake-provider.js';

/** An emulated account with a VPC that clusters share, empty before each test of the file that asks for it. */
export class ExternalWorld {
  moto!: MotoHandle;
  provider!: AwsProvider;
  clients!: TestClients;
  world!: ActivityWorld;
  place!: Place;

  async begin(): Promise<void> {
    await this.moto.admin.reset();
    this.clients = testClients(this.moto.endpoint);
    this.provider = testProvider(this.moto.endpoint);
    this.world = activityWorld({ provider: this.provider as unknown as FakeProvider });
    this.world.now = new Date().toISOString();
    this.place = await sharedVpc(this.clients);
  }

  /** A cluster in the shared VPC, with its own security groups, born a day ago. */
  async shared(name: string, namespace = 'default'): Promise<void> {
    const { place, provider, world } = this;
    const spec = {
      network: { vpc: { id: place.vpc }, subnets: place.subnets.map((id) => ({ id })) },
      controlPlaneLoadBalancer: { loadBalancerType: 'disabled' as const },
      controlPlaneEndpoint: { host: '203.0.113.1', port: 6443 },
    };
    this.put(name, spec, namespace);
    await ensureCluster(provider, world.kube, name, namespace);
  }

  put(name: string, spec: AWSCluster['spec'], namespace = 'default'): void {
    const { kube } = this.world;
    const [cluster, infra] = awsClusterObjects(name, { namespace, spec });
    const creationTimestamp = new Date(Date.now() - 86_400_000).toISOString();
    const infrastructureRef = { apiGroup: KINDS.AWSCluster.group, kind: 'AWSCluster', name };
    const made = kube.put({
      ...cluster,
      metadata: { ...cluster.metadata, creationTimestamp },
      spec: { ...cluster.spec, infrastructureRef },
    });
    const owner = { apiVersion: made.apiVersion, kind: 'Cluster', name, uid: made.metadata.uid ?? '' };
    kube.put({ ...infra, metadata: { ...infra.metadata, creationTimestamp, ownerReferences: [owner] } });
  }

  key(name: string, namespace = 'default') {
    return keyOf(this.world.kube.peek(KINDS.Cluster, { namespace, name }) as KubeObject);
  }

  annotate(name: string, annotations: Record<string, string>): void {
    const infra = this.world.kube.peek<AWSCluster>(KINDS.AWSCluster, { namespace: 'default', name });
    if (infra) this.world.kube.put({ ...infra, metadata: { ...infra.metadata, annotations } });
  }

  async sweep(name: string): Promise<readonly ReportLine[]> {
    const { deps } = this.world;
    const key = this.key(name);
    const { waves } = await findExternal(deps, key);
    for (const kinds of waves) await retried(() => collectExternal(deps, key, kinds));
    return (await reportExternal(deps, key)).report;
  }

  /** The provider's removal, without a new look at what is there. */
  async removeNow(name: string, resources: readonly ExternalResource[]) {
    return await this.provider.external?.remove(await clusterContext(this.world.kube, name), resources);
  }

  async there(): Promise<Set<string>> {
    return new Set((await this.moto.admin.inventory()).map((item) => `${item.service}/${item.type}/${item.id}`));
  }
}

/** The world of a test file: call it at its top. */
export function externalWorld(): ExternalWorld {
  const w = new ExternalWorld();
  beforeAll(async () => {
    w.moto = await startTestMoto({ allMs: 0 });
  });
  afterAll(async () => {
    await w.moto.stop();
  });
  beforeEach(async () => {
    await w.begin();
  });
  return w;
}

export const fates = (report: readonly ReportLine[]): Record<string, string> =>
  Object.fromEntries(report.map((line) => [line.id, line.fate]));
