import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Answer of a readiness check. `details` is shown as JSON to people and must hold no secret. */
export interface Readiness {
  readonly ready: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface TelemetryServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly ready: () => Readiness;
  /** False asks the process manager for a restart. Default: always true. */
  readonly alive?: () => boolean;
}

export interface TelemetryServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves `/healthz` (is the process alive), `/readyz` (does it do its work, with details) and `/metrics` (Prometheus). Resolves when it listens. */
export async function startTelemetryServer(options: TelemetryServerOptions): Promise<TelemetryServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    answer(options, path, response).catch((error: unknown) => {
      // The request failed, not the process; who scrapes sees it.
      send(response, 500, 'text/plain', error instanceof Error ? error.message : 'failed');
    });
  });
  await listen(server, options.host, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: TelemetryServerOptions,
  path: string | undefined,
  response: ServerResponse,
): Promise<void> {
  if (path === '/healthz') {
    const alive = options.alive?.() ?? true;
    return send(response, alive ? 200 : 500, 'text/plain', alive ? 'ok' : 'not alive');
  }
  if (path === '/readyz') {
    const { ready, details } = options.ready();
    return send(response, ready ? 200 : 503, 'application/json', JSON.stringify({ ready, ...details }));
  }
  if (path === '/metrics') return send(response, 200, options.registry.contentType, await options.registry.metrics());
  send(response, 404, 'text/plain', 'not found; try /healthz, /readyz or /metrics');
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { 'content-type': type });
  response.end(`${body}\n`);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
