import { expect, test } from '@jest/globals';
import type { SandboxStatus } from '../../sandbox/status.js';
import { statusText } from './sandbox.js';

const status: SandboxStatus = {
  running: true,
  healthy: false,
  phase: 'running',
  supervisorPid: 7,
  components: [
    { name: 'etcd', pid: 8, restarts: 0 },
    { name: 'emulated-aws', restarts: 2 },
  ],
  losses: [
    { component: 'emulated-aws', at: '2025-01-01T00:00:00.000Z', what: 'the emulated cloud and everything in it' },
  ],
  machines: [{ name: 'demo-a', ip: '10.0.0.4', phase: 'running', kubernetes: 'v1.33.13', console: '/s/console.log' }],
};

test('the status shows parts, losses, machines', () => {
  const text = statusText(status, '/s/kubeconfig');
  expect(text).toContain('running (supervisor pid 7)');
  expect(text).toMatch(/^etcd +8$/m);
  expect(text).toMatch(/^emulated-aws .*not running.* 2$/m);
  expect(text).toContain(
    'emulated-aws had to start empty at 2025-01-01T00:00:00.000Z: the emulated cloud and everything in it are lost',
  );
  expect(text).toMatch(/^demo-a +10\.0\.0\.4 +running +v1\.33\.13 +\/s\/console\.log$/m);
});

test('parts without a supervisor are told apart from nothing', () => {
  const alone = { ...status, running: false, losses: [], machines: [] };
  expect(statusText(alone, '')).toMatch(/^the supervisor is gone, but parts go on: 'perdure up' takes them over/);
  expect(statusText({ ...alone, components: [] }, '')).toBe('not running');
});
