import { PerdureError } from '../errors.js';
import { corefileProblem, type Directive, type Edit, edited, indentOf, parseCorefile, removal } from './corefile.js';

/**
 * Releases of CoreDNS whose configurations are known, oldest first: 1.8.1, 1.8.2, 1.11.2 and some others were never published as images. Source:
 * coredns/corefile-migration migration/versions.go.
 */
const RELEASES = (
  '1.7.0 1.7.1 1.8.0 1.8.3 1.8.4 1.8.5 1.8.6 1.8.7 1.9.0 1.9.1 1.9.2 1.9.3 1.9.4 1.10.0 1.10.1 1.11.0 1.11.1 1.11.3 ' +
  '1.11.4 1.12.0 1.12.1 1.12.2 1.12.3 1.12.4 1.13.0 1.13.1 1.13.2 1.14.0 1.14.1 1.14.2'
).split(' ');

type Step = (object: string, text: string, servers: readonly Directive[]) => Edit[];

/** What a release no longer takes; every other one reads its predecessor's configuration. */
const STEPS: Readonly<Record<string, Step>> = { '1.8.0': transferBecomesPlugin };

/**
 * The Corefile that CoreDNS `to` needs to do what `corefile` made CoreDNS `from` do. What need not change stays as it is, comments too. Throws
 * `InvalidConfiguration`, naming the reason, for releases it does not know, a way down, and configurations it cannot change. Source:
 * coredns/corefile-migration migration.Migrate without deprecations.
 */
export function migrateCorefile(object: string, from: string, to: string, corefile: string): string {
  if (from === to) return corefile;
  const [start, end] = [RELEASES.indexOf(from), RELEASES.indexOf(to)];
  if (start < 0 || end < 0 || end < start) throw noWay(object, from, to);
  let text = corefile;
  for (const release of RELEASES.slice(start + 1, end + 1)) text = stepped(object, text, STEPS[release]);
  return stepped(object, text, firstEndpointOnly);
}

function stepped(object: string, text: string, step: Step | undefined): string {
  return step ? edited(text, step(object, text, parseCorefile(object, text))) : text;
}

function noWay(object: string, from: string, to: string): PerdureError {
  const field = 'spec.kubeadmConfigSpec.clusterConfiguration.dns.imageTag';
  const known = `${RELEASES[0]} to ${RELEASES.at(-1)}`;
  const down = RELEASES.includes(from) && RELEASES.includes(to);
  const reason = down ? 'a Corefile cannot be migrated down' : `only releases from ${known} are known`;
  return new PerdureError(
    'InvalidConfiguration',
    `${object}: ${field} asks for CoreDNS ${to} and ${from} runs: ${reason}; choose another tag, or keep CoreDNS yourself with annotation controlplane.cluster.x-k8s.io/skip-coredns`,
    { details: { field, value: to } },
  );
}

const pluginsOf = (server: Directive): readonly Directive[] => server.body ?? [];
const optionsOf = (plugin: Directive, name: string): Directive[] =>
  (plugin.body ?? []).filter((option) => option.name === name);

/** Zone transfers of a plugin became a plugin of their own. */
function transferBecomesPlugin(object: string, text: string, servers: readonly Directive[]): Edit[] {
  return servers.flatMap((server) => {
    const givers = pluginsOf(server).filter((plugin) => optionsOf(plugin, 'transfer').length > 0);
    const other = givers.find((plugin) => plugin.name !== 'kubernetes');
    if (other) {
      throw corefileProblem(object, `has option transfer of plugin ${other.name}, which CoreDNS 1.8.0 no longer takes`);
    }
    if (givers.length > 0 && pluginsOf(server).some((plugin) => plugin.name === 'transfer')) {
      throw corefileProblem(
        object,
        'has both plugin transfer and option transfer of plugin kubernetes in one server block',
      );
    }
    return givers.flatMap((plugin) => transferEdits(text, plugin));
  });
}

function transferEdits(text: string, kubernetes: Directive): Edit[] {
  const options = optionsOf(kubernetes, 'transfer');
  const targets = options.flatMap(({ args }) => (args[0]?.text === 'to' ? args.slice(1).map((a) => a.text) : []));
  const removals = options.map((option) => removal(text, option));
  if (targets.length === 0) return removals;
  const indent = indentOf(text, kubernetes);
  const zones = kubernetes.args.map((a) => ` ${a.text}`).join('');
  const plugin = `\n${indent}transfer${zones} {\n${indent}    to ${targets.join(' ')}\n${indent}}`;
  return [...removals, { start: kubernetes.end, end: kubernetes.end, text: plugin }];
}

/** Every release ignores all but the first. */
function firstEndpointOnly(_object: string, _text: string, servers: readonly Directive[]): Edit[] {
  const all = servers.flatMap(pluginsOf).filter((plugin) => plugin.name === 'kubernetes');
  return all
    .flatMap((plugin) => optionsOf(plugin, 'endpoint'))
    .flatMap(({ args, end }) => (args[0] && args.length > 1 ? [{ start: args[0].end, end, text: '' }] : []));
}
