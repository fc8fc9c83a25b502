import type { KubeObject } from '../../src/api/types/meta.js';

/** What kubeadm v1.33 leaves in a cluster, as far as upkeep looks at it: with nothing that an API server would refuse. */
export interface KubeadmParts {
  readonly kubeadmConfig: KubeObject & { data: Record<string, string> };
  readonly kubeProxy: KubeObject & Record<string, unknown>;
  readonly coreDns: KubeObject & Record<string, unknown>;
  readonly corefile: KubeObject & { data: Record<string, string> };
  readonly coreDnsRole: KubeObject & Record<string, unknown>;
}

export const COREFILE = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`;

const CLUSTER_CONFIGURATION = `apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: demo
controlPlaneEndpoint: demo.example.test:6443
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
featureGates:
  ControlPlaneKubeletLocalMode: true
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.33.5
networking:
  dnsDomain: cluster.local
  podSubnet: 192.168.0.0/16
  serviceSubnet: 10.96.0.0/12
proxy: {}
scheduler: {}
`;

const meta = (name: string, labels?: Record<string, string>) => ({
  name,
  namespace: 'kube-system',
  ...(labels ? { labels } : {}),
});

/** Fresh objects, `coreDnsImage` being what CoreDNS runs. */
export function kubeadmParts(
  coreDnsImage = 'registry.k8s.io/coredns/coredns:v1.12.0',
  corefile = COREFILE,
): KubeadmParts {
  const proxy = { 'k8s-app': 'kube-proxy' };
  const dns = { 'k8s-app': 'kube-dns' };
  return {
    kubeadmConfig: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta('kubeadm-config'),
      data: { ClusterConfiguration: CLUSTER_CONFIGURATION },
    },
    kubeProxy: {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: meta('kube-proxy', proxy),
      spec: {
        selector: { matchLabels: proxy },
        template: {
          metadata: { labels: proxy },
          spec: {
            containers: [
              {
                name: 'kube-proxy',
                image: 'registry.k8s.io/kube-proxy:v1.33.5',
                command: ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf'],
                volumeMounts: [{ name: 'kube-proxy', mountPath: '/var/lib/kube-proxy' }],
              },
            ],
            hostNetwork: true,
            priorityClassName: 'system-node-critical',
            volumes: [{ name: 'kube-proxy', configMap: { name: 'kube-proxy' } }],
          },
        },
      },
    },
    coreDns: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta('coredns', dns),
      spec: {
        replicas: 2,
        selector: { matchLabels: dns },
        template: {
          metadata: { labels: dns },
          spec: {
            containers: [
              {
                name: 'coredns',
                image: coreDnsImage,
                args: ['-conf', '/etc/coredns/Corefile'],
                volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
              },
            ],
            dnsPolicy: 'Default',
            volumes: [
              {
                name: 'config-volume',
                configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] },
              },
            ],
          },
        },
      },
    },
    corefile: { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('coredns'), data: { Corefile: corefile } },
    coreDnsRole: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'system:coredns' },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      ],
    },
  };
}
