import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { type AdmissionResponse, BadReviewError, mutate, readReview, reviewOf, validate } from './admission.js';
import { type CertificateFiles, type CertificateWatch, readCertificate, watchCertificate } from './certificate.js';
import { type AdmissionGates, DEFAULT_GATES } from './context.js';
import { plainStatus } from './field-errors.js';
import { CONVERT_PATH, KIND_WEBHOOKS, mutatePath, SCALE_PATH, validatePath } from './registry.js';
import { type ReadControlPlane, validateScale } from './scale.js';

/** What the server says of itself; objects are never logged. */
export interface WebhookLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface WebhookHandlers {
  readonly gates?: AdmissionGates;
  /** Answers a ConversionReview. */
  readonly convertReview: (review: unknown) => unknown | Promise<unknown>;
  readonly readControlPlane: ReadControlPlane;
  readonly log: WebhookLog;
}

export interface WebhookServerOptions extends WebhookHandlers {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly certificate: CertificateFiles;
  /** How often the certificate files are looked at. Default 10 s. */
  readonly certificateCheckMs?: number;
}

export interface WebhookServer {
  readonly port: number;
  /** Takes a changed certificate now; resolves to whether there was one. */
  reloadCertificate(): Promise<boolean>;
  stop(): Promise<void>;
}

/** A conversion request can carry a whole page of a list. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const CERTIFICATE_CHECK_MS = 10_000;

/** Every route of the webhooks on `app`, which decides about TLS. */
function addWebhookRoutes(app: FastifyInstance, handlers: WebhookHandlers): void {
  const gates = handlers.gates ?? DEFAULT_GATES;
  const review = (path: string, answer: (body: unknown) => AdmissionResponse | Promise<AdmissionResponse>): void => {
    app.post(path, async (request) => reviewOf(await answer(request.body)));
  };
  for (const webhook of KIND_WEBHOOKS) {
    if (webhook.default) review(mutatePath(webhook.kind), (body) => mutate(webhook, readReview(body), gates));
    review(validatePath(webhook.kind), (body) => validate(webhook, readReview(body), gates));
  }
  review(SCALE_PATH, (body) => validateScale(readReview(body), handlers.readControlPlane));
  app.post(CONVERT_PATH, async (request) => handlers.convertReview(request.body));
  app.get('/healthz', async () => 'ok');
  app.get('/readyz', async () => 'ok');
  app.setErrorHandler(async (error, request, reply) => {
    const text = error instanceof Error ? error.message : String(error);
    const status = statusCodeOf(error);
    if (status >= 500) handlers.log.error('webhook failed', { path: request.url, error: text });
    return reply.code(status).send(plainStatus(status, status >= 500 ? 'InternalError' : 'BadRequest', text));
  });
}

function statusCodeOf(error: unknown): number {
  if (error instanceof BadReviewError) return 400;
  const code = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof code === 'number' && code >= 400 ? code : 500;
}

/** Serves admission and conversion over TLS and takes new certificates without dropping connections. Resolves when it listens. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const pair = await readCertificate(options.certificate);
  const app = Fastify<Server>({ https: pair, bodyLimit: BODY_LIMIT_BYTES, logger: false, forceCloseConnections: true });
  addWebhookRoutes(app as unknown as FastifyInstance, options);
  await app.listen({ host: options.host, port: options.port });
  const watch: CertificateWatch = watchCertificate(options.certificate, pair, {
    everyMs: options.certificateCheckMs ?? CERTIFICATE_CHECK_MS,
    take: (next) => {
      app.server.setSecureContext(next);
      options.log.info('took a new serving certificate', { file: options.certificate.certFile });
    },
    onError: (error) => {
      const text = error instanceof Error ? error.message : String(error);
      options.log.warn('cannot read the serving certificate, keeping the present one', {
        file: options.certificate.certFile,
        error: text,
      });
    },
  });
  return {
    port: (app.server.address() as AddressInfo).port,
    reloadCertificate: () => watch.check(),
    stop: async () => {
      watch.stop();
      await app.close();
    },
  };
}
