import { expect, test } from '@jest/globals';
import { type TypeFacts, templateFacts } from './capacity.js';

const LARGE: TypeFacts = { vcpus: 2, memoryMiB: 8192, gpus: 0, arm: false };

test.each<[string, TypeFacts, boolean, ReturnType<typeof templateFacts>]>([
  [
    'an ordinary type',
    LARGE,
    false,
    { capacity: { cpu: '2', memory: '8192Mi' }, nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' } },
  ],
  [
    'one with graphics processors',
    { ...LARGE, gpus: 4 },
    false,
    {
      capacity: { cpu: '2', memory: '8192Mi', 'nvidia.com/gpu': '4' },
      nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' },
    },
  ],
  [
    'ARM',
    { ...LARGE, arm: true },
    false,
    { capacity: { cpu: '2', memory: '8192Mi' }, nodeInfo: { architecture: 'arm64', operatingSystem: 'linux' } },
  ],
  [
    'Windows',
    LARGE,
    true,
    { capacity: { cpu: '2', memory: '8192Mi' }, nodeInfo: { architecture: 'amd64', operatingSystem: 'windows' } },
  ],
  [
    'a size that is not told',
    { vcpus: undefined, memoryMiB: undefined, gpus: 0, arm: false },
    false,
    { capacity: {}, nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' } },
  ],
])('%s', (_, type, windows, expected) => {
  expect(templateFacts(type, windows)).toEqual(expected);
});
