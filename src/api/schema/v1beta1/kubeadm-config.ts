import { path } from '../bootstrap/cluster-configuration.js';
import {
  commands,
  diskPartition,
  files,
  filesystems,
  ignition,
  ntp,
  partitionFields,
  users,
} from '../bootstrap/host.js';
import { failureFields, v1beta1Conditions } from '../common.js';
import { bounded, flag, int32, list, obj, oneOf } from '../lib.js';
import { observedGeneration, relax, templateMetadata, v1beta2Status } from './common.js';
import { clusterConfiguration } from './kubeadm-cluster.js';
import { initConfiguration, joinConfiguration } from './kubeadm-node.js';

/** KubeadmConfig and its template, bootstrap.cluster.x-k8s.io/v1beta1. Source: cluster-api api/bootstrap/kubeadm/v1beta1. */

function diskSetup() {
  const disk = obj(
    'Partition table of one device.',
    {
      device: bounded('Name of the device.', 256),
      layout: flag('True makes one partition of the whole device, false none or those of diskLayout.'),
    },
    {
      ...partitionFields(),
      diskLayout: list('The partitions.', diskPartition(), { minItems: 1, maxItems: 100 }),
    },
  );
  return obj(
    'Partitions and file systems.',
    {},
    {
      filesystems: relax(filesystems()),
      partitions: list('Devices to partition.', disk, { maxItems: 100 }),
    },
  );
}

export function kubeadmConfigSpec() {
  return obj(
    'How a machine becomes a Node by kubeadm.',
    {},
    {
      bootCommands: relax(commands('Commands that run very early in the boot.')),
      clusterConfiguration: clusterConfiguration(),
      diskSetup: diskSetup(),
      files: relax(files()),
      format: oneOf('Format of the bootstrap data; default cloud-config.', ['cloud-config', 'ignition']),
      ignition: relax(ignition()),
      initConfiguration: initConfiguration(),
      joinConfiguration: joinConfiguration(),
      mounts: list('Mounts.', list('Fields of a line of fstab.', path('A field.')), { maxItems: 100 }),
      ntp: relax(ntp()),
      postKubeadmCommands: relax(commands('Commands that run after kubeadm.')),
      preKubeadmCommands: relax(commands('Commands that run before kubeadm.')),
      useExperimentalRetryJoin: flag('No longer used.'),
      users: relax(users()),
      verbosity: int32('Log level of kubeadm.'),
    },
  );
}

export const kubeadmConfigSpecSchema = kubeadmConfigSpec();

export const kubeadmConfigStatusSchema = obj(
  'Observed state of the KubeadmConfig.',
  {},
  {
    ...failureFields({ maxLength: 256 }),
    conditions: v1beta1Conditions(),
    dataSecretName: bounded('Name of the Secret with the bootstrap data.', 253),
    observedGeneration: observedGeneration(),
    ready: flag('The Secret with the bootstrap data exists.'),
    v1beta2: v1beta2Status({}),
  },
);

export const kubeadmConfigTemplateSpecSchema = obj('The template.', {
  template: obj(
    'What is copied into each KubeadmConfig.',
    {},
    { metadata: templateMetadata(), spec: kubeadmConfigSpec() },
  ),
});
