import { conditions, deprecatedStatus, failureFields, observedGeneration, templateMetadata } from '../common.js';
import { block, bounded, flag, int32, obj, oneOf } from '../lib.js';
import { clusterConfiguration } from './cluster-configuration.js';
import { commands, diskSetup, files, ignition, mounts, ntp, users } from './host.js';
import { initConfiguration, joinConfiguration } from './node-configuration.js';

/** KubeadmConfig and its template, bootstrap.cluster.x-k8s.io/v1beta2. Source: cluster-api api/bootstrap/kubeadm/v1beta2. */

export function kubeadmConfigSpec() {
  return block('How a machine becomes a Node by kubeadm.', {
    bootCommands: commands('Commands that run very early in the boot.'),
    clusterConfiguration: clusterConfiguration(),
    diskSetup: diskSetup(),
    files: files(),
    format: oneOf('Format of the bootstrap data; default cloud-config.', ['cloud-config', 'ignition']),
    ignition: ignition(),
    initConfiguration: initConfiguration(),
    joinConfiguration: joinConfiguration(),
    mounts: mounts(),
    ntp: ntp(),
    postKubeadmCommands: commands('Commands that run after kubeadm.'),
    preKubeadmCommands: commands('Commands that run before kubeadm.'),
    users: users(),
    verbosity: int32('Log level of kubeadm.'),
  });
}

export const kubeadmConfigSpecSchema = kubeadmConfigSpec();

export const kubeadmConfigStatusSchema = block('Observed state of the KubeadmConfig.', {
  conditions: conditions(),
  dataSecretName: bounded('Name of the Secret with the bootstrap data.', 253),
  deprecated: deprecatedStatus(failureFields({ maxLength: 256 })),
  initialization: block('Progress of the first provisioning; true never goes back.', {
    dataSecretCreated: flag('The Secret with the bootstrap data exists.'),
  }),
  observedGeneration: observedGeneration(),
});

export const kubeadmConfigTemplateSpecSchema = obj('The template.', {
  template: block('What is copied into each KubeadmConfig.', {
    metadata: templateMetadata(),
    spec: kubeadmConfigSpec(),
  }),
});
