import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run conformance:aws -- [options]

Takes a folder of templates as Cluster API's AWS provider publishes them, and for each: substitutes its variables, applies it, waits until the
cluster has converged, compares what the emulated account holds with what is declared, deletes the cluster, and requires that nothing is left.
Prints a table. Without --dir it runs the flavours of this project, which cover upstream's one by one.

  --dir DIR           folder with *.yaml; what a template is to make stands beside it as NAME.expected.yaml, or is derived from its documents
  --only NAME,...     these templates only
  --machines KIND     native (default): machines that boot, and clusters become Available; none: instances without machines, and clusters
                      converge when their infrastructure is ready and the first control plane instance runs
  --set NAME=VALUE    a variable of the templates; repeatable
  --minutes N         how long a cluster may take to converge, and to go (default 10)
  --list              names the templates and what is declared for them, and ends
`;

export interface Options {
  readonly dir: string | undefined;
  readonly only: readonly string[];
  readonly machines: 'native' | 'none';
  readonly variables: Readonly<Record<string, string>>;
  readonly minutes: number;
  readonly list: boolean;
}

/** Undefined when help is asked for. Throws for what it does not know. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: 'string' },
      only: { type: 'string' },
      machines: { type: 'string', default: 'native' },
      set: { type: 'string', multiple: true, default: [] },
      minutes: { type: 'string', default: '10' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { machines } = values;
  if (machines !== 'native' && machines !== 'none')
    throw new Error(`--machines: want native or none, got "${machines}"`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes: want a number above 0, got "${values.minutes}"`);
  return {
    dir: values.dir,
    only: (values.only ?? '').split(',').filter(Boolean),
    machines,
    variables: Object.fromEntries(values.set.map(assignment)),
    minutes,
    list: values.list,
  };
}

function assignment(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set: want NAME=VALUE, got "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}
