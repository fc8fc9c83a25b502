import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of its own per process part, never the global one, so that parts can run and be tested side by side. */
export function createRegistry(labels: Readonly<Record<string, string>> = {}): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  return registry;
}

/** Adds Node's own metrics (heap, event loop, handles); once per process. */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}
