import { Server } from 'node:net';
import { Agent } from './agent.js';
import type { AgentConfig, FromAgent, ToAgent } from './protocol.js';

const RETRY_MS = 500;

/**
 * Process inside a VPC's namespace, started by the machine host with `nsenter --net`. It lives exactly as long as the channel to the host, so that
 * a killed host leaves no agent behind.
 */
function main(): void {
  if (!process.send) {
    console.error('this process is started by the machine host, not by hand');
    process.exitCode = 2;
    return;
  }
  const agent = new Agent((message: FromAgent, handle?: Server) => {
    if (process.connected) process.send?.(message, handle, { keepOpen: false }, () => handle?.close());
  });
  let last = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  const apply = async (config: AgentConfig): Promise<void> => {
    clearTimeout(retry);
    if (await agent.apply(config)) return;
    retry = setTimeout(() => {
      last = last.then(() => apply(config));
    }, RETRY_MS);
  };
  process.on('message', (message: ToAgent, handle: unknown) => {
    last = last.then(async () => {
      if (message.type === 'config') {
        await apply(message.config);
        if (process.connected) process.send?.({ type: 'applied' } satisfies FromAgent);
      } else if (handle instanceof Server) agent.adoptListener(message.key, handle);
    });
  });
  process.on('disconnect', () => process.exit(0));
  // The terminal's Ctrl-C reaches the whole process group; the host ends its agents itself.
  process.on('SIGINT', () => undefined);
  process.send({ type: 'ready' } satisfies FromAgent);
}

main();
