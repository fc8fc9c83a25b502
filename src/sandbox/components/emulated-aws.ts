import type { Component } from '../component.js';
import { runningProcess } from '../component.js';
import type { Endpoints, Layout } from '../layout.js';
import { MotoAdmin, motoCommand } from '../moto/index.js';
import { seedAws } from '../seed-aws.js';

const READY_MS = 2_000;

export interface EmulatedAwsOptions {
  /** Python with moto. */
  readonly interpreter: string;
  readonly cacheDir: string;
  /** Delays of passing states, milliseconds. */
  readonly delays: Readonly<Record<string, number>>;
}

/** The emulated AWS. All of it is in the memory of one process, so that process is kept when the sandbox is started again. */
export function emulatedAws(layout: Layout, endpoints: Endpoints, options: EmulatedAwsOptions): Component {
  const admin = new MotoAdmin(endpoints.aws);
  return {
    name: 'emulated-aws',
    ...motoCommand({ ...options, port: Number(new URL(endpoints.aws).port) }),
    ready: async () => {
      const identity = await admin.ready(AbortSignal.timeout(READY_MS));
      return identity.pid === (await runningProcess(layout, 'emulated-aws'))?.pid;
    },
    furnish: () => seedAws(endpoints.aws),
    holds: 'the emulated cloud and everything in it',
    restart: true,
    keep: true,
  };
}
