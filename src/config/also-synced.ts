import type { AlsoSynced } from '../domain/bootstrap/node-sync.js';
import type { Reader } from './environment.js';

/** Which labels and annotations of Machines their Nodes get besides those that always go there. Upstream: --additional-sync-machine-labels and -annotations. */
export function readAlsoSynced(read: Reader): AlsoSynced {
  return {
    labels: patterns(read, 'PERDURE_ADDITIONAL_SYNC_MACHINE_LABELS'),
    annotations: patterns(read, 'PERDURE_ADDITIONAL_SYNC_MACHINE_ANNOTATIONS'),
  };
}

function patterns(read: Reader, name: string): readonly RegExp[] {
  return read.list(name).flatMap((text) => {
    try {
      // strict: what means nothing is an error instead of itself
      return [new RegExp(text, 'u')];
    } catch (error) {
      read.problem(name, `"${text}" is not a regular expression: ${(error as Error).message}`);
      return [];
    }
  });
}
