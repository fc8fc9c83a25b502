import { PerdureError } from '../../domain/errors.js';
import type { InfraPools, InfraProvider } from './port.js';

export interface ProviderRegistry {
  readonly all: readonly InfraProvider[];
  /** The provider that serves this infra cluster kind, if it is one of ours. */
  forCluster(ref: { readonly apiGroup: string; readonly kind: string } | undefined): InfraProvider | undefined;
  forMachine(ref: { readonly apiGroup: string; readonly kind: string } | undefined): InfraProvider | undefined;
  /** The provider whose pools are of this kind. */
  forPool(
    ref: { readonly apiGroup: string; readonly kind: string } | undefined,
  ): (InfraProvider & { readonly pools: InfraPools }) | undefined;
  named(name: string): InfraProvider;
}

/** Third-party kinds are simply not found here and are followed by the public contract instead. */
export function createRegistry(providers: readonly InfraProvider[]): ProviderRegistry {
  return {
    all: providers,
    forCluster: (ref) =>
      providers.find((p) => p.clusterKind.group === ref?.apiGroup && p.clusterKind.kind === ref?.kind),
    forMachine: (ref) =>
      providers.find((p) => p.machineKind.group === ref?.apiGroup && p.machineKind.kind === ref?.kind),
    forPool: (ref) =>
      providers.find(
        (p): p is InfraProvider & { readonly pools: InfraPools } =>
          p.pools !== undefined && p.pools.kind.group === ref?.apiGroup && p.pools.kind.kind === ref?.kind,
      ),
    named: (name) => {
      const found = providers.find((p) => p.name === name);
      if (!found)
        throw new PerdureError(
          'InvalidConfiguration',
          `no provider named ${name} runs here; start a worker that has it`,
        );
      return found;
    },
  };
}
