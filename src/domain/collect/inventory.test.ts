import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/types/meta.js';
import { inventoryItems, isLoadBalancer, mergeItems, NO_OBJECTS } from './inventory.js';

const object = (kind: string, name: string, more: object, namespace?: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}), uid: 'ab-cd' },
    ...more,
  }) as KubeObject;

describe('the inventory of a workload cluster', () => {
  test('knows load balancers by the name given to them and by host name', () => {
    const balanced = { status: { loadBalancer: { ingress: [{ hostname: 'x.elb' }, { ip: '203.0.113.7' }] } } };
    const services = [
      object('Service', 'web', { spec: { type: 'LoadBalancer' }, ...balanced }, 'default'),
      object('Service', 'inner', { spec: { type: 'ClusterIP' } }, 'default'),
    ];
    expect(services.map(isLoadBalancer)).toEqual([true, false]);
    const ingresses = [object('Ingress', 'site', balanced, 'shop'), object('Ingress', 'new', {}, 'shop')];
    const gateways = [object('Gateway', 'gw', { status: { addresses: [{ value: 'y.elb' }] } }, 'shop')];
    expect(inventoryItems({ ...NO_OBJECTS, services, ingresses, gateways })).toEqual([
      { source: 'Service default/web', ids: ['aabcd', 'x.elb', '203.0.113.7'] },
      { source: 'Ingress shop/site', ids: ['x.elb', '203.0.113.7'] },
      { source: 'Gateway shop/gw', ids: ['y.elb'] },
    ]);
  });

  test('knows the names in the DNS that objects ask for', () => {
    const status = { loadBalancer: { ingress: [{ hostname: 'x.elb' }] }, addresses: [{ value: 'y.elb' }] };
    const annotated = (object: KubeObject): KubeObject => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: { 'external-dns.alpha.kubernetes.io/hostname': 'b.example.com, a.example.com' },
      },
    });
    const services = [annotated(object('Service', 'web', { spec: { type: 'LoadBalancer' }, status }, 'default'))];
    const ingresses = [object('Ingress', 'site', { spec: { rules: [{ host: 'c.example.com' }, {}] }, status }, 'shop')];
    const gateways = [
      object('Gateway', 'gw', { spec: { listeners: [{ hostname: '*.example.com' }] }, status }, 'shop'),
    ];
    const items = inventoryItems({ ...NO_OBJECTS, services, ingresses, gateways });
    expect(items.map(({ dnsNames }) => dnsNames)).toEqual([
      ['a.example.com', 'b.example.com'],
      ['c.example.com'],
      ['*.example.com'],
    ]);
  });

  test('knows volumes and snapshots by handle; what is retained comes first', () => {
    const volumes = [
      object('PersistentVolume', 'a', {
        spec: { persistentVolumeReclaimPolicy: 'Delete', csi: { volumeHandle: 'vol-1' } },
      }),
      object('PersistentVolume', 'b', {
        spec: { persistentVolumeReclaimPolicy: 'Retain', awsElasticBlockStore: { volumeID: 'aws://z/vol-2' } },
      }),
      object('PersistentVolume', 'nfs', { spec: {} }),
    ];
    const snapshots = [
      object('VolumeSnapshotContent', 's', {
        spec: { deletionPolicy: 'Retain' },
        status: { snapshotHandle: 'snap-1' },
      }),
    ];
    const targetGroupBindings = [object('TargetGroupBinding', 't', { spec: { targetGroupARN: 'arn:x' } }, 'default')];
    expect(inventoryItems({ ...NO_OBJECTS, volumes, snapshots, targetGroupBindings })).toEqual([
      { source: 'PersistentVolume b', ids: ['aws://z/vol-2', 'vol-2'], retain: true },
      { source: 'VolumeSnapshotContent s', ids: ['snap-1'], retain: true },
      { source: 'TargetGroupBinding default/t', ids: ['arn:x'] },
      { source: 'PersistentVolume a', ids: ['vol-1'] },
    ]);
  });

  test('taken again keeps what was known, and what is retained first: it must not be lost where a list is cut', () => {
    const service = { source: 'Service default/web', ids: ['a'] };
    const volume = { source: 'PersistentVolume b', ids: ['vol-1'] };
    const retained = { ...volume, retain: true as const };
    expect(mergeItems([service, volume], [retained])).toEqual([retained, service]);
  });
});
