import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { anInstance } from './fixtures.js';
import { attach } from './network/addresses.js';
import { renderResolvConf, renderSeed } from './seed.js';

describe('renderSeed', () => {
  const instance = anInstance();
  const seed = renderSeed(instance, Buffer.from([0x1f, 0x8b, 0, 255]), attach(instance));

  test('keeps user data byte for byte', () => {
    expect([...seed['user-data']]).toEqual([0x1f, 0x8b, 0, 255]);
  });

  test('turns an Ignition config into a cloud-config that has it gone by', () => {
    const config = Buffer.from('{"ignition":{"version":"2.3.0"}}');
    const text = renderSeed(instance, config, attach(instance))['user-data'].toString();
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    expect(parse(text)).toEqual({
      write_files: [expect.objectContaining({ encoding: 'b64', content: config.toString('base64') })],
      runcmd: [['/usr/local/bin/perdure-ignition', '/run/perdure/ignition.json']],
    });
  });

  test('has the metadata keys that templates use', () => {
    expect(parse(seed['meta-data'])).toMatchObject({
      'instance-id': 'i-0001',
      'local-hostname': 'ip-10-0-1-5.eu-west-1.compute.internal',
      local_hostname: 'ip-10-0-1-5.eu-west-1.compute.internal',
      local_ipv4: '10.0.1.5',
      instance_id: 'i-0001',
      availability_zone: 'eu-west-1a',
      placement: { availability_zone: 'eu-west-1a' },
    });
  });

  test('gives the interface its address on the whole VPC', () => {
    expect(parse(seed['network-config'])).toEqual({
      version: 2,
      ethernets: {
        host0: {
          dhcp4: false,
          addresses: ['10.0.1.5/16'],
          gateway4: '10.0.0.1',
          nameservers: { addresses: ['10.0.0.2'], search: ['eu-west-1.compute.internal'] },
        },
      },
    });
  });

  test('names a resolver that answers', () => {
    expect(renderResolvConf(instance, attach(instance))).toContain(
      'nameserver 10.0.0.2\nsearch eu-west-1.compute.internal\n',
    );
    expect(renderResolvConf(anInstance({ privateDnsName: '' }), attach(instance))).toContain(
      'search eu-west-1.compute.internal\n',
    );
  });
});
