import { readConfig } from '../config/config.js';
import { createLogger } from '../telemetry/logger.js';
import { addProcessMetrics, createRegistry } from '../telemetry/metrics.js';
import { startTelemetryServer } from '../telemetry/server.js';
import { startBridge } from './bridge.js';

/** The bridge process: runs until SIGTERM or SIGINT; exits 1 when it ends by a bug, so that the process manager starts it anew. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = createLogger({ level: config.log.level, fields: { process: 'bridge', identity: config.identity } });
  if (config.unknown.length > 0) log.warn('unknown settings, check their spelling', { variables: config.unknown });
  const registry = createRegistry();
  addProcessMetrics(registry);
  const bridge = await startBridge(config, { log, registry });
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
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`perdure bridge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
