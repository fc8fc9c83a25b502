import type { LanePort } from '../../bridge/lane-port.js';
import { passBoundary } from './boundary.js';

/** Makes every signal of the bridge pass a boundary before it is sent and after the server took it, before the bridge knows. */
export function signalBoundary(dir: string, port: LanePort): LanePort {
  return {
    async signalWithStart(signal) {
      const { kind, namespace } = signal.input.key;
      passBoundary(dir, namespace, `signal.${kind}`, 'before');
      await port.signalWithStart(signal);
      passBoundary(dir, namespace, `signal.${kind}`, 'after');
    },
    signalIfOpen: (workflowId, change) => port.signalIfOpen(workflowId, change),
    probe: () => port.probe(),
    close: () => port.close(),
  };
}
