import {
  caValidityDays,
  certificateValidityDays,
  ENCRYPTION_ALGORITHMS,
  extraEnvs,
  extraVolumes,
  imageFields,
  path,
  sans,
} from '../bootstrap/cluster-configuration.js';
import { bounded, duration, flag, list, mapOf, obj, oneOf, stringMap, text } from '../lib.js';
import { relax } from './common.js';

/** kubeadm's ClusterConfiguration as v1beta1 has it. Source: cluster-api api/bootstrap/kubeadm/v1beta1/kubeadm_types.go. */

/** kubeadm's own TypeMeta, carried along and never read. */
export function typeMeta() {
  return {
    apiVersion: text('Version of the kubeadm configuration; not used.'),
    kind: text('Kind of the kubeadm configuration; not used.'),
  };
}

export function extraArgs(program: string) {
  return stringMap(`Further arguments of ${program}, without the leading dashes.`);
}

function component(program: string) {
  return {
    extraArgs: extraArgs(program),
    extraEnvs: relax(extraEnvs()),
    extraVolumes: relax(extraVolumes()),
  };
}

function etcd() {
  return obj(
    'The etcd of the control plane: local or external.',
    {},
    {
      external: obj('An etcd that runs elsewhere.', {
        caFile: path('File with the certificate authority.'),
        certFile: path('File with the client certificate.'),
        endpoints: list('URLs of the members.', path('URL of a member.'), { maxItems: 50 }),
        keyFile: path('File with the client key.'),
      }),
      local: obj(
        'An etcd member on each control plane machine.',
        {},
        {
          ...imageFields(),
          dataDir: path('Directory of the data; default /var/lib/etcd.'),
          extraArgs: extraArgs('etcd'),
          extraEnvs: relax(extraEnvs()),
          peerCertSANs: relax(sans('Further names in the peer certificate.')),
          serverCertSANs: relax(sans('Further names in the server certificate.')),
        },
      ),
    },
  );
}

function networking() {
  return obj(
    'Networks of the cluster; taken from the Cluster object, so not used.',
    {},
    {
      dnsDomain: bounded('Domain of Services.', 253),
      podSubnet: bounded('CIDR block of Pods.', 1024),
      serviceSubnet: bounded('CIDR block of Services.', 1024),
    },
  );
}

export function clusterConfiguration() {
  return obj(
    'Settings of the whole cluster, for kubeadm.',
    {},
    {
      ...typeMeta(),
      apiServer: obj(
        'The API server.',
        {},
        {
          ...component('kube-apiserver'),
          certSANs: relax(sans('Further names in the serving certificate.')),
          timeoutForControlPlane: duration('How long kubeadm waits for the API server; default 4m.'),
        },
      ),
      caCertificateValidityPeriodDays: caValidityDays(),
      certificateValidityPeriodDays: certificateValidityDays(),
      certificatesDir: path('Directory of the certificates; default /etc/kubernetes/pki.'),
      clusterName: bounded('Name of the cluster; taken from the Cluster object, so not used.', 63),
      controlPlaneEndpoint: path('Host and port of the API; default that of the Cluster.'),
      controllerManager: obj('The controller manager.', {}, component('kube-controller-manager')),
      dns: obj('The DNS add-on.', {}, imageFields()),
      encryptionAlgorithm: oneOf('Algorithm of keys and certificates; default RSA-2048.', ENCRYPTION_ALGORITHMS),
      etcd: etcd(),
      featureGates: mapOf('Feature gates of kubeadm.', flag('Whether the gate is on.')),
      imageRepository: path('Registry to pull the images of the control plane from; default registry.k8s.io.'),
      kubernetesVersion: bounded('Kubernetes version; taken from the Machine, so not used.', 256),
      networking: networking(),
      scheduler: obj('The scheduler.', {}, component('kube-scheduler')),
    },
  );
}
