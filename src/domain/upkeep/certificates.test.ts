import { describe, expect, test } from '@jest/globals';
import type { KubeadmConfig } from '../../api/types/index.js';
import { ANNOTATION } from '../names.js';
import { apiServerPort, certificatesExpiryOf } from './certificates.js';

const holding = (value?: string) => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'x', ...(value === undefined ? {} : { annotations: { [ANNOTATION.certificatesExpiry]: value } }) },
});

describe('certificatesExpiryOf', () => {
  test.each([
    ['nothing', undefined, undefined, undefined],
    ['the config', undefined, '2027-01-02T03:04:05Z', '2027-01-02T03:04:05Z'],
    ['the machine over the config', '2028-01-02T03:04:05Z', '2027-01-02T03:04:05Z', '2028-01-02T03:04:05Z'],
    ['another zone', '2028-01-02T03:04:05+02:00', undefined, '2028-01-02T01:04:05Z'],
    ['no time', 'soon', '2027-01-02T03:04:05Z', undefined],
    ['no real day', '2027-13-42T03:04:05Z', undefined, undefined],
    ['a day without time', '2027-01-02', undefined, undefined],
  ])('%s', (_name, machine, config, wanted) => {
    expect(certificatesExpiryOf(holding(machine), holding(config))).toBe(wanted);
  });
});

test.each<[KubeadmConfig['spec'], number]>([
  [undefined, 6443],
  [{ initConfiguration: { localAPIEndpoint: { bindPort: 7443 } } }, 7443],
  [{ joinConfiguration: { controlPlane: { localAPIEndpoint: { bindPort: 8443 } } } }, 8443],
  [{ joinConfiguration: { controlPlane: {} } }, 6443],
])('the API server of %j listens on %d', (spec, port) => {
  expect(apiServerPort({ ...holding(), ...(spec ? { spec } : {}) } as KubeadmConfig)).toBe(port);
});
