import { KINDS } from '../src/api/types/kinds.js';
import type { KubeObject, ResourceKind } from '../src/api/types/meta.js';
import { isFailure } from '../src/domain/errors.js';
import type { KubeClient } from '../src/kube/client.js';
import { Reflector } from '../src/kube/reflector.js';
import { silentLog } from '../src/telemetry/log.js';

/**
 * A provider of others, as Perdure meets them: it serves kinds of its own by Cluster API's public contract. Its machines are Nodes in an API server
 * that nothing runs on: they join at once, are Ready, and are gone with their machine.
 */
export const FAKE_GROUP = 'infrastructure.bench.perdure.dev';
const VERSION = 'v1';

const kindOf = (kind: string, plural: string): ResourceKind => ({
  group: FAKE_GROUP,
  version: VERSION,
  kind,
  plural,
  namespaced: true,
});
export const FAKE = {
  cluster: kindOf('FakeCluster', 'fakeclusters'),
  machine: kindOf('FakeMachine', 'fakemachines'),
  template: kindOf('FakeMachineTemplate', 'fakemachinetemplates'),
} as const;
export const FAKE_API_VERSION = `${FAKE_GROUP}/${VERSION}`;

/** The three CRDs, open to any field, with the contract's label. */
export function fakeDefinitions(): (KubeObject & Record<string, unknown>)[] {
  return Object.values(FAKE).map(({ kind, plural }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${FAKE_GROUP}`, labels: { 'cluster.x-k8s.io/v1beta2': VERSION } },
    spec: {
      group: FAKE_GROUP,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          subresources: { status: {} },
        },
      ],
    },
  }));
}

export interface FakeProviderRun {
  /** Machines that were ever made, by name: to see that none was made twice. */
  readonly made: ReadonlyMap<string, number>;
  /** The most that were there at once. */
  peak(): number;
  stop(): Promise<void>;
}

/** How many objects it works on at once. */
const WIDTH = 16;

/** Serves the fake kinds until it is stopped. `workload` is where Nodes appear. */
export function runFakeProvider(kube: KubeClient, workload: KubeClient): FakeProviderRun {
  const abort = new AbortController();
  const made = new Map<string, number>();
  const there = new Set<string>();
  let most = 0;
  const queue: (() => Promise<void>)[] = [];
  let running = 0;
  const pump = (): void => {
    while (running < WIDTH && queue.length > 0) {
      const work = queue.shift() as () => Promise<void>;
      running++;
      void again(work, abort.signal).finally(() => {
        running--;
        pump();
      });
    }
  };
  const soon = (work: () => Promise<void>): void => {
    queue.push(work);
    pump();
  };
  const ready = async (kind: ResourceKind, object: KubeObject, spec: object): Promise<void> => {
    const { name, namespace = '' } = object.metadata;
    const status = { initialization: { provisioned: true }, ready: true };
    if (Object.keys(spec).length > 0) await kube.mergePatch(kind, { name, namespace }, { spec });
    await kube.mergePatch(kind, { name, namespace }, { status }, { subresource: 'status' });
  };
  const machine = async (object: KubeObject): Promise<void> => {
    const { name } = object.metadata;
    const providerID = `fake:///${name}`;
    await workload.apply(KINDS.Node, node(name, providerID), { fieldManager: 'fake' });
    await workload.apply(KINDS.Node, nodeStatus(name), { fieldManager: 'fake', subresource: 'status' });
    await ready(FAKE.machine, object, { providerID });
  };
  const reflectors = [
    new Reflector<KubeObject>({
      client: kube,
      kind: FAKE.cluster,
      log: silentLog,
      onEvent: ({ type, object }) => {
        if (type === 'added') soon(() => ready(FAKE.cluster, object, {}));
      },
    }),
    new Reflector<KubeObject>({
      client: kube,
      kind: FAKE.machine,
      log: silentLog,
      onEvent: ({ type, object }) => {
        const { name } = object.metadata;
        if (type === 'added') {
          made.set(name, (made.get(name) ?? 0) + 1);
          most = Math.max(most, there.add(name).size);
          soon(() => machine(object));
        } else if (type === 'deleted') {
          there.delete(name);
          soon(() => workload.delete(KINDS.Node, { name }).then(() => undefined));
        }
      },
    }),
  ];
  const runs = reflectors.map((reflector) => reflector.run(abort.signal));
  return {
    made,
    peak: () => most,
    async stop() {
      abort.abort();
      await Promise.all(runs);
    },
  };
}

/** Tries until it works, the object is gone, or everything ends. */
async function again(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (isFailure(error, 'NotFound')) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const node = (name: string, providerID: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { providerID },
});

const nodeStatus = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: {
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
      type,
      status: type === 'Ready' ? 'True' : 'False',
      reason: type === 'Ready' ? 'KubeletReady' : `KubeletHasNo${type}`,
      message: '',
      lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ''),
    })),
    nodeInfo: { kubeletVersion: 'v1.34.4' },
  },
});
