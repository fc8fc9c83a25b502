import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { clusterOf, PodRanges, podRangeIn } from './pod-range.js';

const KUBEADM = '#cloud-config\nwrite_files:\n- content: |\n    networking:\n      podSubnet: 192.168.0.0/16\n';

describe('podRangeIn', () => {
  test.each([
    ['plain', Buffer.from(KUBEADM), '192.168.0.0/16'],
    ['quoted', Buffer.from('podSubnet: "10.8.0.0/14"'), '10.8.0.0/14'],
    ['gzip', gzipSync(KUBEADM), '192.168.0.0/16'],
    ['damaged gzip', gzipSync(KUBEADM).subarray(0, 20), undefined],
    ['none', Buffer.from('#cloud-config\n'), undefined],
    ['too small to cut', Buffer.from('podSubnet: 10.0.0.0/26'), undefined],
    ['no address', Buffer.from('podSubnet: 999.0.0.0/16'), undefined],
    ['empty', Buffer.alloc(0), undefined],
  ])('%s', (_name, userData, range) => expect(podRangeIn(userData)).toBe(range));
});

describe('PodRanges', () => {
  const tags = { 'sigs.k8s.io/cluster-api-provider-aws/cluster/blue': 'owned', Name: 'x' };

  test('a worker gets the range its cluster showed before, in its own VPC', () => {
    const ranges = new PodRanges();
    expect(ranges.rangeFor('vpc-1', tags, Buffer.from(KUBEADM))).toBe('192.168.0.0/16');
    expect(ranges.rangeFor('vpc-1', tags, Buffer.from('hidden'))).toBe('192.168.0.0/16');
    expect(ranges.rangeFor('vpc-2', tags, Buffer.from('hidden'))).toBe('10.244.0.0/16');
    expect(ranges.rangeFor('vpc-1', {}, Buffer.from('hidden'))).toBe('10.244.0.0/16');
  });

  test('knows a cluster by its tags', () => {
    expect(clusterOf(tags)).toBe('blue');
    expect(clusterOf({ 'kubernetes.io/cluster/red': 'owned' })).toBe('red');
    expect(clusterOf({ Name: 'x' })).toBeUndefined();
  });
});
