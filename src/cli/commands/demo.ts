import path from 'node:path';
import { type Command, Option } from 'commander';
import { cacheDir, childEnvironment } from '../../config/config.js';
import { stopSandbox } from '../../sandbox/control.js';
import { layoutOf } from '../../sandbox/layout.js';
import { ensureTool, KUBERNETES_VERSION, KUBERNETES_VERSIONS } from '../../sandbox/tools/index.js';
import { renderReport, runDemo } from '../demo/demo.js';
import { defaultDir, type GlobalOptions } from '../lib/connect.js';
import { examples, whole } from '../lib/options.js';
import { command, print } from '../lib/output.js';
import { up } from './sandbox.js';

interface DemoOptions extends GlobalOptions {
  readonly controlPlane: number;
  readonly workers: number;
  readonly kubernetesVersion: string;
  readonly keep?: boolean;
}

/** `demo`: a sandbox, a cluster's whole life in it, a report; everything is gone afterwards. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('start a sandbox, create a cluster in it, scale it, delete it, and report')
    .option('--control-plane <n>', 'control plane machines', whole(1), 3)
    .option('--workers <n>', 'worker machines', whole(0), 2)
    .addOption(
      new Option('--kubernetes-version <version>', 'version of the cluster')
        .choices(KUBERNETES_VERSIONS)
        .default(KUBERNETES_VERSION),
    )
    .option('--keep', 'leave the sandbox running afterwards')
    .addHelpText('after', examples('perdure demo', 'perdure demo --control-plane 1 --workers 1 --keep'))
    .action((_l: unknown, cmd: Command) =>
      command(async () => {
        const o = cmd.optsWithGlobals<DemoOptions>();
        const layout = layoutOf(path.resolve(o.dir ?? defaultDir('demo')));
        await stopSandbox(layout, { keep: false, say: print });
        const endpoints = await up(layout, { ...o, dir: layout.root }, print);
        print(`\nTemporal UI: ${endpoints.ui}   (watch the operations there)`);
        let failed = true;
        try {
          const kubectl = await ensureTool('kubectl', {
            cacheDir: cacheDir(),
            env: childEnvironment(),
            progress: print,
          });
          const report = await runDemo({
            layout,
            endpoints,
            kubectl,
            say: print,
            controlPlane: o.controlPlane,
            workers: o.workers,
            kubernetesVersion: o.kubernetesVersion,
          });
          print(renderReport(report));
          failed = false;
        } finally {
          if (!o.keep) await stopSandbox(layout, { keep: failed, say: print });
          if (failed) print(`\nthe demo failed; logs are kept in ${layout.logs}`);
        }
      }),
    );
}
