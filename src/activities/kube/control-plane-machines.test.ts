import { describe, expect, test } from '@jest/globals';
import { aCluster, aControlPlane, aMachine } from '../../../test/helpers/fake-objects.js';
import { upToDate } from './control-plane-machines.js';

const cluster = aCluster();
const controlPlane = aControlPlane(cluster);
const machine = aMachine(cluster, { name: 'cp', controlPlane });

describe('a control plane machine is up to date', () => {
  test.each<[string, typeof machine, [string, string][], string]>([
    ['when version and template agree', machine, [['cp', 'demo']], ''],
    ['when nobody knows its template', machine, [['other', 'old']], ''],
    ['not when its template is another', machine, [['cp', 'old']], '* AWSMachine is not up-to-date'],
    [
      'not when its version is another',
      { ...machine, spec: { ...machine.spec, version: 'v1.33.0' } },
      [['cp', 'old']],
      '* Version v1.33.0, v1.34.4 required\n* AWSMachine is not up-to-date',
    ],
  ])('%s', (_, of, templates, message) => {
    const condition = upToDate(controlPlane, of, new Map(templates));
    expect(condition.status).toBe(message === '' ? 'True' : 'False');
    expect(condition.message ?? '').toBe(message);
  });
});
