import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { migrateCorefile } from './corefile-migration.js';

const KUBEADM = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;
const migrated = (from: string, to: string, corefile: string): string => migrateCorefile('kcp a/b', from, to, corefile);
const refusal = (from: string, to: string, corefile: string): string => {
  try {
    return `passed: ${migrated(from, to, corefile)}`;
  } catch (error) {
    expect(error).toMatchObject({ name: 'PerdureError', type: 'InvalidConfiguration' });
    return (error as Error).message;
  }
};

describe('migrateCorefile', () => {
  test.each([
    ['1.8.4', '1.8.6'],
    ['1.8.6', '1.9.3'],
    ['1.9.3', '1.10.1'],
    ['1.10.1', '1.11.1'],
    ['1.11.3', '1.12.0'],
    ['1.12.0', '1.12.1'],
    ['1.12.1', '1.13.1'],
    ['1.7.0', '1.14.2'],
  ])("leaves kubeadm's own as it is from %s to %s", (from, to) => {
    expect(migrated(from, to, KUBEADM)).toBe(KUBEADM);
  });

  test.each([
    [
      'a transfer to one address',
      '.:53 {\n    kubernetes cluster.local {\n        transfer to 10.0.0.1\n        ttl 30\n    }\n    cache 30\n}\n',
      '.:53 {\n    kubernetes cluster.local {\n        ttl 30\n    }\n    transfer cluster.local {\n        to 10.0.0.1\n    }\n    cache 30\n}\n',
    ],
    [
      'transfers of several zones, in two lines',
      '. {\n  kubernetes a b {\n    transfer to 10.0.0.1 10.0.0.2\n    transfer to *  # all\n  }\n}',
      '. {\n  kubernetes a b {\n  }\n  transfer a b {\n      to 10.0.0.1 10.0.0.2 *\n  }\n}',
    ],
    [
      'a transfer from, which never did anything',
      '. {\n  kubernetes a {\n    transfer from 10.0.0.1\n  }\n}',
      '. {\n  kubernetes a {\n  }\n}',
    ],
    [
      'a transfer in the second server block only',
      '# first\n. {\n  forward . 1.1.1.1\n}\ncluster.local:53 { # second\n  kubernetes {\n    transfer to *\n  }\n}',
      '# first\n. {\n  forward . 1.1.1.1\n}\ncluster.local:53 { # second\n  kubernetes {\n  }\n  transfer {\n      to *\n  }\n}',
    ],
  ])('%s moves to plugin transfer on the way to 1.8.0', (_name, before, after) => {
    expect(migrated('1.7.0', '1.8.0', before)).toBe(after);
    expect(migrated('1.7.1', '1.12.1', before)).toBe(after);
    expect(migrated('1.8.0', '1.12.1', before)).toBe(before);
    expect(migrated('1.7.0', '1.8.0', after)).toBe(after);
  });

  test('only the first endpoint stays', () => {
    const corefile = '. {\n  kubernetes {\n    endpoint https://a https://b # two\n    tls c k\n  }\n}';
    expect(migrated('1.9.3', '1.10.1', corefile)).toBe(
      '. {\n  kubernetes {\n    endpoint https://a # two\n    tls c k\n  }\n}',
    );
  });

  test.each([
    ['1.6.9', '1.8.0', KUBEADM, 'only releases from 1.7.0 to 1.14.2 are known'],
    ['1.12.1', '1.99.0', KUBEADM, 'only releases from 1.7.0 to 1.14.2 are known'],
    ['1.12.1', '1.11.3', KUBEADM, 'cannot be migrated down'],
    ['1.12.0', '1.12.1', '.:53 {\n  errors\n', 'block opened in line 1 and never closed'],
    ['1.12.0', '1.12.1', '.:53 {\n  errors\n}\n}', 'a brace out of place in line 4'],
    ['1.12.0', '1.12.1', '.:53 {\n  log "x\n}', 'a quote in line 2 that is never closed'],
    ['1.12.0', '1.12.1', 'example.org\nwhoami\n', 'server block "example.org" without braces'],
    ['1.7.0', '1.8.0', '. {\n  file db {\n    transfer to *\n  }\n}', 'option transfer of plugin file'],
    [
      '1.7.0',
      '1.8.0',
      '. {\n  transfer a {\n    to *\n  }\n  kubernetes a {\n    transfer to *\n  }\n}',
      'both plugin transfer and option transfer',
    ],
  ])('from %s to %s refuses %j: %s', (from, to, corefile, reason) => {
    const message = refusal(from, to, corefile);
    expect(message).toMatch(/^kcp a\/b: /);
    expect(message).toContain(reason);
    expect(message).toContain('skip-coredns');
  });

  test.each([
    ['a brace in quotes', '. {\n  log . "{"\n  template ANY A {\n    answer "{{ .Name }} 60 IN A 10.0.0.1"\n  }\n}'],
    ['blocks within blocks', '. {\n  a {\n    b {\n      c {\n        d e\n      }\n    }\n  }\n}'],
    ['snippets, imports and variables', '(snip) {\n  errors\n}\nimport ./x\n{$ZONE}:53 {\n  import snip\n}'],
    ['addresses over several lines', 'a.org,\nb.org {\n  errors\n}\n'],
    ['a quoted argument over several lines', '. {\n  log "a\nb" c {\n    class all\n  }\n}'],
    ['a hash inside a word', '. {\n  log a#b {\n    class all\n  }\n}'],
    ['Windows line ends', '. {\r\n  errors\r\n}\r\n'],
    ['nothing', ''],
  ])('passes %s through', (_name, corefile) => {
    expect(migrated('1.7.0', '1.14.2', corefile)).toBe(corefile);
  });

  test('whatever has no transfer and one endpoint stays byte for byte', () => {
    const word = fc.stringMatching(/^[a-z0-9.:/*-]{1,12}$/).filter((w) => w !== 'transfer' && w !== 'import');
    const line = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
    const plugin = fc
      .tuple(line, fc.array(line, { maxLength: 3 }))
      .map(([head, options]) =>
        options.length === 0 ? `  ${head}` : `  ${head} {\n${options.map((o) => `    ${o}`).join('\n')}\n  }`,
      );
    const server = fc.array(plugin, { maxLength: 5 }).map((plugins) => `.:53 {\n${plugins.join('\n')}\n}\n`);
    fc.assert(
      fc.property(fc.array(server, { maxLength: 3 }), (servers) => {
        const corefile = servers.join('').replaceAll('endpoint', 'end');
        expect(migrated('1.7.0', '1.14.2', corefile)).toBe(corefile);
      }),
    );
  });
});
