import { readConfig } from '../config/config.js';
import { createLogger } from '../telemetry/logger.js';
import { addProcessMetrics, createRegistry } from '../telemetry/metrics.js';
import { startTelemetryServer } from '../telemetry/server.js';
import { type BridgeParts, startBridge } from './bridge.js';
import type { LanePort } from './lane-port.js';
import { temporalPort } from './temporal-port.js';

/** What a caller adds to the process; tests put faults in this way. */
export interface BridgeProcessParts {
  readonly wrapPort?: (port: LanePort) => LanePort;
  readonly tuning?: BridgeParts['tuning'];
}

/** The bridge process: runs until SIGTERM or SIGINT; rejects when it ends by a bug. */
export async function runBridgeProcess(parts: BridgeProcessParts = {}): Promise<void> {
  const config = readConfig();
  const log = createLogger({ level: config.log.level, fields: { process: 'bridge', identity: config.identity } });
  if (config.unknown.length > 0) log.warn('unknown settings, check their spelling', { variables: config.unknown });
  const registry = createRegistry();
  addProcessMetrics(registry);
  const port = parts.wrapPort?.(temporalPort(config.temporal, `perdure-bridge@${config.identity}`));
  const bridge = await startBridge(config, {
    log,
    registry,
    ...(port ? { port } : {}),
    ...(parts.tuning ? { tuning: parts.tuning } : {}),
  });
  const server = await startTelemetryServer({ ...config.health, registry, ready: () => bridge.ready() });
  log.info('bridge started', {
    temporal: config.temporal.address,
    namespace: config.temporal.namespace,
    health: server.port,
  });
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info('stopping', { signal: name });
      void bridge.stop();
    });
  }
  try {
    await bridge.ended;
  } finally {
    await server.stop();
    await port?.close();
  }
}
