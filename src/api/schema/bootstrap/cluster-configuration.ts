import { atomicList, block, bounded, flag, int32, listMap, mapOf, obj, oneOf, type Schema, text } from '../lib.js';
import { envVar } from './pod-env.js';

/** kubeadm's ClusterConfiguration as v1beta2 has it. Source: cluster-api api/bootstrap/kubeadm/v1beta2/kubeadm_types.go. */

export const ENCRYPTION_ALGORITHMS = ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const;

export function path(description: string): Schema<string> {
  return bounded(description, 512);
}

/** Command line arguments as a list; a name may be there only once. */
export function extraArgs(field: string, program: string) {
  const arg = obj('An argument.', {
    name: bounded('Name without the leading dashes.', 256),
    value: text('Value; may be empty.', { minLength: 0, maxLength: 1024 }),
  });
  return listMap(`Further arguments of ${program}.`, arg, ['name', 'value'], {
    minItems: 1,
    maxItems: 100,
    rules: [{ message: `${field} name must be unique`, rule: 'self.all(x, self.exists_one(y, x.name == y.name))' }],
  });
}

export function extraEnvs() {
  return atomicList('Further environment variables.', envVar(), { minItems: 1, maxItems: 100 });
}

export function extraVolumes() {
  const volume = obj(
    'A path of the host that the Pod mounts.',
    {
      name: path('Name of the volume.'),
      hostPath: path('Path on the host.'),
      mountPath: path('Path in the Pod.'),
    },
    { pathType: text('Type of the path, as in hostPath volumes.'), readOnly: flag('Mounts read-only.') },
  );
  return atomicList('Further volumes.', volume, { minItems: 1, maxItems: 100 });
}

function component(program: string) {
  return {
    extraArgs: extraArgs('extraArgs', program),
    extraEnvs: extraEnvs(),
    extraVolumes: extraVolumes(),
  };
}

export function sans(description: string) {
  return atomicList(description, bounded('DNS name or address.', 253), { minItems: 1, maxItems: 100 });
}

export function imageFields() {
  return {
    imageRepository: path('Registry to pull the image from.'),
    imageTag: bounded('Tag of the image.', 256),
  };
}

function etcd() {
  return block('The etcd of the control plane: local or external.', {
    external: obj('An etcd that runs elsewhere.', {
      endpoints: atomicList('URLs of the members.', path('URL of a member.'), { minItems: 1, maxItems: 50 }),
      caFile: path('File with the certificate authority.'),
      certFile: path('File with the client certificate.'),
      keyFile: path('File with the client key.'),
    }),
    local: block('An etcd member on each control plane machine.', {
      ...imageFields(),
      dataDir: path('Directory of the data; default /var/lib/etcd.'),
      extraArgs: extraArgs('extraArgs', 'etcd'),
      extraEnvs: extraEnvs(),
      peerCertSANs: sans('Further names in the peer certificate.'),
      serverCertSANs: sans('Further names in the server certificate.'),
    }),
  });
}

export function caValidityDays(): Schema<number> {
  return int32('Days that new certificate authorities are valid; default 3650.', { minimum: 1, maximum: 36_500 });
}

export function certificateValidityDays(): Schema<number> {
  return int32('Days that other new certificates are valid; default 365.', { minimum: 1, maximum: 1095 });
}

export function clusterConfiguration() {
  return block('Settings of the whole cluster, for kubeadm.', {
    apiServer: block('The API server.', {
      ...component('kube-apiserver'),
      certSANs: sans('Further names in the serving certificate.'),
    }),
    caCertificateValidityPeriodDays: caValidityDays(),
    certificateValidityPeriodDays: certificateValidityDays(),
    certificatesDir: path('Directory of the certificates; default /etc/kubernetes/pki.'),
    controlPlaneEndpoint: path('Host and port of the API; default that of the Cluster.'),
    controllerManager: block('The controller manager.', component('kube-controller-manager')),
    dns: block('The DNS add-on.', imageFields()),
    encryptionAlgorithm: oneOf('Algorithm of keys and certificates; default RSA-2048.', ENCRYPTION_ALGORITHMS),
    etcd: etcd(),
    featureGates: mapOf('Feature gates of kubeadm.', flag('Whether the gate is on.')),
    imageRepository: path('Registry to pull the images of the control plane from; default registry.k8s.io.'),
    scheduler: block('The scheduler.', component('kube-scheduler')),
  });
}
