import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/types/meta.js';
import { isDetached, volumesMessage } from './message.js';
import { attachedNames, attachmentsOf, claimsOf, volumesLeft } from './volumes.js';

const object = (kind: string, name: string, rest: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  ...rest,
});
const node = (...names: string[]): KubeObject =>
  object('Node', 'n', { status: { volumesAttached: names.map((name) => ({ name, devicePath: '' })) } });
const volume = (name: string, claim?: string): KubeObject =>
  object('PersistentVolume', name, {
    spec: {
      csi: { driver: 'd', volumeHandle: `h-${name}` },
      ...(claim ? { claimRef: { kind: 'PersistentVolumeClaim', namespace: 'a', name: claim } } : {}),
    },
  });
const attachment = (volumeName: string | undefined, nodeName = 'n', attached = true): KubeObject =>
  object('VolumeAttachment', `att-${volumeName}`, {
    spec: { nodeName, source: volumeName ? { persistentVolumeName: volumeName } : {} },
    status: { attached },
  });
const asNode = (name: string): string => `kubernetes.io/csi/d^h-${name}`;
const left = (view: Partial<Parameters<typeof volumesLeft>[0]>) =>
  volumesLeft({ node: node(), attachments: [], persistentVolumes: [], kept: new Set(), ...view });

describe('the volumes of a Node', () => {
  test('are named by their claims, by whichever name they are found', () => {
    const all = ['v1', 'v2', 'v3'].map((v) => volume(v, `claim-${v}`));
    const view = {
      node: node(asNode('v1'), asNode('v2')),
      attachments: [attachment('v2'), attachment('v3')],
      persistentVolumes: all,
    };
    expect(left(view)).toEqual({
      claims: ['a/claim-v1', 'a/claim-v2', 'a/claim-v3'],
      unclaimed: [],
      ofNode: [],
      ofAttachments: [],
    });
  });

  test('of Pods that stay are not waited for', () => {
    const pod = object('Pod', 'p', {
      metadata: { name: 'p', namespace: 'a' },
      spec: { volumes: [{ persistentVolumeClaim: { claimName: 'c' } }, { emptyDir: {} }] },
    });
    expect(claimsOf(pod)).toEqual(['a/c']);
    const view = { node: node(asNode('v')), persistentVolumes: [volume('v', 'c')], kept: new Set(claimsOf(pod)) };
    expect(isDetached(left(view))).toBe(true);
  });

  test('that nothing is known of are waited for', () => {
    const view = {
      node: node(asNode('gone'), asNode('free')),
      attachments: [attachment('deleted'), attachment(undefined)],
      persistentVolumes: [volume('free'), volume('elsewhere', 'x')],
    };
    expect(left(view)).toEqual({
      claims: [],
      unclaimed: ['free'],
      ofNode: [asNode('gone')],
      ofAttachments: ['att-undefined', 'deleted'],
    });
  });

  test('count while they are attached to this Node', () => {
    const all = [attachment('v', 'other'), attachment('v', 'n', false), attachment('v')];
    expect(attachmentsOf('n', all)).toEqual([all[2]]);
    expect(attachedNames(object('Node', 'n', {}))).toEqual([]);
  });

  test('are told in lists of at most five', () => {
    const names = ['1', '2', '3', '4', '5', '6'];
    const message = volumesMessage({ claims: names, unclaimed: ['u'], ofNode: ['n'], ofAttachments: ['a'] }, 'T');
    expect(message.split('\n')).toEqual([
      'Waiting for Node volumes to be detached (started at T)',
      '* PersistentVolumeClaims: 1, 2, 3, 4, 5, ... (1 more)',
      '* PersistentVolumes without a .spec.claimRef to a PersistentVolumeClaim: u',
      '* Node with .status.volumesAttached entries not matching a PersistentVolume: n',
      '* VolumeAttachment with .spec.source.persistentVolumeName not matching a PersistentVolume: a',
    ]);
  });
});
