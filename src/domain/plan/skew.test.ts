import { describe, expect, test } from '@jest/globals';
import { controlPlaneDowngrade, controlPlaneSkew, controlPlaneStep, kubeadmSkew, kubernetesSkew } from './skew.js';

describe('versions beside each other', () => {
  test.each<[from: string, to: string, ok: boolean]>([
    ['v1.33.1', 'v1.33.9', true],
    ['v1.33.1', 'v1.34.0', true],
    ['v1.33.1', 'v1.34.0-rc.1', true],
    ['v1.34.0', 'v1.33.9', true],
    ['v1.33.1', 'v1.35.0', false],
    ['v1.33.1', 'v2.0.0', false],
    ['v1.33.1', 'latest', true],
  ])('a control plane of %s to %s: %s', (from, to, ok) => {
    const broken = controlPlaneStep(from, to);
    expect(broken === undefined).toBe(ok);
    if (!ok)
      expect(broken).toMatchObject({
        rule: 'ControlPlaneMinorStep',
        message: expect.stringContaining('next is v1.34'),
      });
  });

  test.each<[machines: string[], to: string, ok: boolean]>([
    [['v1.34.1', 'v1.34.1'], 'v1.33.1', false],
    [['v1.34.1', 'v1.33.1'], 'v1.33.1', true],
    [['v1.34.4'], 'v1.34.1', true],
    [[], 'v1.33.1', true],
    [['v1.9.0', 'v1.10.0'], 'v1.8.0', false],
  ])('machines of %j back to %s: %s', (machines, to, ok) => {
    const broken = controlPlaneDowngrade(machines, to);
    expect(broken?.rule).toBe(ok ? undefined : 'ControlPlaneDowngrade');
    if (machines.length > 1 && !ok) expect(broken?.message).toContain(machines.at(-1));
  });

  test.each<[controlPlane: string, workers: string | undefined, ok: boolean]>([
    ['v1.34.0', 'v1.34.9', true],
    ['v1.34.0', 'v1.31.0', true],
    ['v1.34.0', 'v1.30.9', false],
    ['v1.34.0', 'v1.35.0', false],
    ['v1.28.0', 'v1.25.0', true],
    ['v1.27.0', 'v1.25.0', true],
    ['v1.27.0', 'v1.24.0', false],
    ['v1.34.0', undefined, true],
  ])('a control plane of %s with workers of %s: %s', (controlPlane, workers, ok) => {
    expect(kubernetesSkew(controlPlane, workers)?.rule).toBe(ok ? undefined : 'KubernetesVersionSkew');
  });

  test('say what would do instead', () => {
    expect(kubernetesSkew('v1.34.0', 'v1.35.1')?.remedy).toBe('upgrade the control plane to v1.35 first');
    expect(kubernetesSkew('v1.34.0', 'v1.30.1')?.remedy).toBe('upgrade the workers to v1.31 or newer first');
    expect(kubeadmSkew('v1.34.0', 'v1.33.1')).toMatchObject({
      rule: 'KubeadmVersionSkew',
      remedy: "set the workers' version to one of v1.34",
    });
  });

  test('kubeadm joins machines of its own minor', () => {
    expect(kubeadmSkew('v1.34.0', 'v1.34.9')).toBeUndefined();
    expect(kubeadmSkew('v1.34.0', undefined)).toBeUndefined();
  });

  test('a topology wants the same version everywhere', () => {
    expect(controlPlaneSkew('v1.34.0', 'v1.34.1')?.rule).toBe('ControlPlaneVersionSkew');
    expect(controlPlaneSkew('v1.34.0', 'v1.34.0')).toBeUndefined();
  });
});
