import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import semver from 'semver';
import { parse } from 'yaml';
import { parseServiceEndpoints } from '../../src/activities/providers/aws/endpoints.js';
import { readConfig } from '../../src/config/config.js';
import { readWorkerConfig } from '../../src/config/workers.js';
import { IMAGE_REFS } from '../../src/sandbox/tools/images.js';
import { KUBERNETES_VERSION, TOOLS } from '../../src/sandbox/tools/index.js';
import { SEARCH_ATTRIBUTES } from '../../src/workflows/names.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly target: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly restart: string;
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, from = '', name = '']) => ({ from, name }));
const argument = (name: string): string => new RegExp(`^ARG ${name}=(.+)$`, 'm').exec(dockerfile)?.[1] ?? '';
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

describe('docker-compose.yml', () => {
  test('fits the schema', () => {
    const validate = new Ajv({ allErrors: true, strictTuples: false }).compile(
      JSON.parse(read('test/conformance/compose.schema.json')),
    );
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  test('the schema refuses what it should', () => {
    const validate = new Ajv({ strictTuples: false }).compile(JSON.parse(read('test/conformance/compose.schema.json')));
    const changed = (change: Record<string, unknown>): unknown => ({
      ...compose,
      services: { ...compose.services, temporal: { ...compose.services['temporal'], ...change } },
    });
    const wrong = [
      { image: 'temporalio/server' },
      { image: 'temporalio/server:latest' },
      { ports: ['7233:7233'] },
      { network_mode: 'host' },
      { privileged: true },
      { healthcheck: undefined },
      { healthcheck: { test: ['CMD', 'true'], intervall: '5s' } },
      { environment: { DB: 12 } },
      { depends_on: ['postgresql'] },
    ];
    expect(wrong.filter((change) => validate(JSON.parse(JSON.stringify(changed(change)))))).toEqual([]);
  });

  test('declares every network, volume, config and dependency that is used, and uses all it declares', () => {
    const used = (of: (service: Service) => readonly string[]): string[] =>
      sorted(services.flatMap(([, service]) => of(service)));
    expect(used((s) => s.networks ?? [])).toEqual(sorted(Object.keys(compose.networks)));
    expect(used((s) => (s.volumes ?? []).map((v) => v.split(':')[0] ?? ''))).toEqual(
      sorted(Object.keys(compose.volumes)),
    );
    expect(used((s) => (s.configs ?? []).map((c) => c.source))).toEqual(sorted(Object.keys(compose.configs)));
    expect(used((s) => Object.keys(s.depends_on ?? {})).filter((name) => !(name in compose.services))).toEqual([]);
    expect(
      Object.values(compose.configs)
        .map((c) => c.file)
        .filter((file) => !existsSync(path.join(root, file))),
    ).toEqual([]);
  });

  test('waits for health of what runs on, and for the end of what ends', () => {
    const wrong = services.flatMap(([name, service]) =>
      Object.entries(service.depends_on ?? {})
        .filter(([on, { condition }]) => {
          const ends = compose.services[on]?.restart === 'no';
          return condition !== (ends ? 'service_completed_successfully' : 'service_healthy');
        })
        .map(([on]) => `${name} → ${on}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the order of starting has no cycle', () => {
    const started = new Set<string>();
    for (let round = 0; round < services.length; round++) {
      for (const [name, s] of services)
        if (Object.keys(s.depends_on ?? {}).every((on) => started.has(on))) started.add(name);
    }
    expect(services.map(([name]) => name).filter((name) => !started.has(name))).toEqual([]);
  });

  test('services meet the services they depend on in a network', () => {
    const networksOf = (name: string): readonly string[] => compose.services[name]?.networks ?? [];
    const addresses = services.flatMap(([name, s]) => {
      const texts = [...(s.command ?? []), ...Object.values(s.environment ?? {})];
      const named = Object.keys(compose.services).filter(
        (other) =>
          other !== name && texts.some((text) => new RegExp(`(^|[^\\w/.-])(https?://)?${other}(:\\d+|$)`).test(text)),
      );
      return named.map((other) => ({ name, other }));
    });
    expect(addresses.length).toBeGreaterThan(8);
    expect(addresses.filter(({ name, other }) => !networksOf(name).some((n) => networksOf(other).includes(n)))).toEqual(
      [],
    );
  });

  test('every program of ours that it starts is in the image', () => {
    const words = services.flatMap(([, s]) => [...(s.command ?? []), ...(s.healthcheck?.test ?? [])]);
    const files = sorted(words.flatMap((word) => word.match(/\b(dist|docker)\/[\w./-]+\.js/g) ?? []));
    expect(files).toContain('dist/workers/main.js');
    expect(
      files.filter(
        (file) =>
          !existsSync(path.join(root, file.startsWith('dist/') ? file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts') : file)),
      ),
    ).toEqual([]);
  });

  test('the settings of Perdure exist and have valid values', () => {
    for (const [, { environment = {} }] of services) {
      const ours = Object.entries(environment).filter(([name]) => name.startsWith('PERDURE_'));
      expect(readConfig({ HOME: '/', ...Object.fromEntries(ours.map(([name]) => [name, ''])) }).unknown).toEqual([]);
      const values = Object.fromEntries(ours.filter(([, value]) => !value.startsWith('/pki/')));
      expect(readConfig({ HOME: '/', ...values }).temporal.namespace).toBe('default');
      parseServiceEndpoints(readWorkerConfig(values).awsServiceEndpoints);
    }
  });

  test('runs the versions that the sandbox and the tests run', () => {
    expect(compose.services['temporal']?.image).toBe(`temporalio/server:${TOOLS['temporal-dev'].version}`);
    expect(compose.services['temporal-schema']?.image).toBe(`temporalio/admin-tools:${TOOLS['temporal-dev'].version}`);
    expect(compose.services['temporal-namespace']?.image).toBe(
      `temporalio/admin-tools:${TOOLS['temporal-dev'].version}`,
    );
    const ui = /github.com\/temporalio\/ui-server\/v2 v(\S+)/.exec(read('tools/temporal-dev/go.mod'))?.[1];
    expect(compose.services['temporal-ui']?.image).toBe(`temporalio/ui:${ui}`);
    expect(compose.services['etcd']?.image).toBe(IMAGE_REFS.etcd);
    expect(argument('KUBERNETES_VERSION')).toBe(KUBERNETES_VERSION);
    const { engines, version } = JSON.parse(read('package.json')) as { engines: { node: string }; version: string };
    expect(semver.satisfies(argument('NODE_VERSION'), engines.node)).toBe(true);
    expect(
      services
        .filter(([, s]) => s.image.startsWith('perdure/') && !s.image.endsWith(`:${version}`))
        .map(([name]) => name),
    ).toEqual([]);
  });

  test("makes all of Perdure's search attributes", () => {
    const names = /^attributes='(.*)'$/m.exec(read('docker/temporal-namespace.sh'))?.[1]?.split(' ') ?? [];
    expect(sorted(names)).toEqual(sorted(Object.keys(SEARCH_ATTRIBUTES)));
    expect(Object.values(SEARCH_ATTRIBUTES).every((type) => type === 'Keyword')).toBe(true);
  });

  test.each(['docker/temporal-schema.sh', 'docker/temporal-namespace.sh'])('%s is a shell script', (file) => {
    expect(spawnSync('sh', ['-n', path.join(root, file)], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});

describe('Dockerfile', () => {
  test('has every target that is built, and every stage that is copied from', () => {
    const names = stages.map((s) => s.name);
    const targets = sorted(services.flatMap(([, s]) => s.build?.target ?? []));
    const sources = [...dockerfile.matchAll(/^COPY --from=(\S+)/gm)].map(([, from = '']) => from);
    expect([...targets, ...sources].filter((name) => !names.includes(name))).toEqual([]);
    expect(stages.at(-1)?.name).toBe('perdure');
  });

  test('pins every base image', () => {
    const names = stages.map((s) => s.name);
    expect(stages.filter(({ from }) => !names.includes(from) && !/:(\$\{\w+\}|v?\d)/.test(from))).toEqual([]);
  });

  test('runs nothing as root', () => {
    const bodies = dockerfile.split(/^FROM /m).slice(1);
    const userOf = (name: string): string | undefined => {
      const body = bodies.find((b) => b.startsWith(`${stages.find((s) => s.name === name)?.from} AS ${name}\n`)) ?? '';
      const own = [...body.matchAll(/^USER (\S+)$/gm)].at(-1)?.[1];
      const base = stages.find((s) => s.name === name)?.from ?? '';
      return own ?? (stages.some((s) => s.name === base) ? userOf(base) : undefined);
    };
    expect(['perdure', 'management', 'emulated-aws'].map(userOf)).toEqual(['node', 'node', '1000:1000']);
  });

  test('copies only what exists and is not ignored', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, words = '']) =>
      words.split(' ').slice(0, -1),
    );
    expect(copied.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
    expect(copied.filter((file) => !allowed.some((a) => file === a || file.startsWith(`${a}/`)))).toEqual([]);
  });

  test('its volumes exist in the image, so that they belong to its user', () => {
    const made = /install -d .*?((?: \/pki\/\S+)+)$/m.exec(dockerfile)?.[1]?.trim().split(' ') ?? [];
    const mounted = (compose.services['certificates']?.volumes ?? []).map((v) => v.split(':')[1] ?? '');
    expect(sorted(made)).toEqual(sorted(mounted));
  });
});

describe('docker/certificates.js', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'perdure-compose-'));
  const make = () =>
    spawnSync(process.execPath, [path.join(root, 'docker/certificates.js'), dir], { encoding: 'utf8' });
  const file = (name: string): string => readFileSync(path.join(dir, name), 'utf8');

  beforeAll(() => {
    if (!existsSync(path.join(root, 'dist/activities/bootstrap/pki.js')))
      throw new Error('dist is missing: npm run build first');
    expect(make()).toMatchObject({ status: 0, stderr: '' });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each([
    ['etcd/server', 'etcd/ca', ['etcd', 'localhost']],
    ['apiserver/server', 'apiserver/ca', ['kube-apiserver', 'kubernetes.default.svc']],
    ['webhooks/tls', 'webhooks/ca', ['webhooks']],
    ['admin/controller-manager', 'admin/ca', ['localhost']],
  ])('%s is signed by %s and names its service', (name, ca, hosts) => {
    const certificate = new X509Certificate(file(`${name}.crt`));
    expect(certificate.verify(new X509Certificate(file(`${ca}.crt`)).publicKey)).toBe(true);
    expect(hosts.filter((host) => certificate.checkHost(host) === undefined)).toEqual([]);
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  });

  test('Perdure signs in as its service account, not as administrator', () => {
    const config = JSON.parse(file('perdure/kubeconfig')) as {
      users: { user: { 'client-certificate-data': string } }[];
    };
    const certificate = new X509Certificate(
      Buffer.from(config.users[0]?.user['client-certificate-data'] ?? '', 'base64'),
    );
    expect(certificate.subject).toBe('CN=system:serviceaccount:perdure-system:perdure');
  });

  test('every file that a service names is made, and keys are for their owner only', () => {
    const named = sorted(
      services.flatMap(([, s]) =>
        [...(s.command ?? []), ...(s.healthcheck?.test ?? []), ...Object.values(s.environment ?? {})].flatMap(
          (w) => w.match(/\/pki\/[\w./-]+/g) ?? [],
        ),
      ),
    );
    expect(named.length).toBeGreaterThan(12);
    expect(named.filter((name) => !existsSync(path.join(dir, name.replace('/pki/', ''))))).toEqual([]);
    for (const secret of ['etcd/server.key', 'apiserver/service-account.key', 'admin/host.kubeconfig'])
      expect(statSync(path.join(dir, secret)).mode & 0o777).toBe(0o600);
  });

  test('made once, they stay', () => {
    const before = file('apiserver/ca.crt');
    expect(make().status).toBe(0);
    expect(file('apiserver/ca.crt')).toBe(before);
  });
});
