import { path } from '../bootstrap/cluster-configuration.js';
import {
  bootstrapTokenDiscovery,
  fileDiscovery,
  IMAGE_PULL_POLICIES,
  nodeTaint,
  patches,
  skipPhases,
} from '../bootstrap/node-configuration.js';
import { bounded, duration, flag, int32, list, obj, oneOf, text, time } from '../lib.js';
import { relax } from './common.js';
import { extraArgs, typeMeta } from './kubeadm-cluster.js';

/** kubeadm's InitConfiguration and JoinConfiguration as v1beta1 has them. Source: cluster-api api/bootstrap/kubeadm/v1beta1/kubeadm_types.go. */

function nodeRegistration() {
  return obj(
    'How the Node registers.',
    {},
    {
      criSocket: path('Socket of the container runtime.'),
      ignorePreflightErrors: list('Preflight checks that may fail.', path('Name of a check.'), { maxItems: 50 }),
      imagePullPolicy: oneOf('When images are pulled; default IfNotPresent.', IMAGE_PULL_POLICIES),
      imagePullSerial: flag('Pulls images one after the other; default true.'),
      kubeletExtraArgs: extraArgs('the kubelet'),
      name: bounded('Name of the Node; default the host name.', 253),
      taints: list('Taints of the Node; an empty list means none, absence the default of kubeadm.', nodeTaint(), {
        maxItems: 100,
      }),
    },
  );
}

function localAPIEndpoint() {
  return obj(
    'Where the API server of this machine listens.',
    {},
    {
      advertiseAddress: bounded('Address that is advertised; default that of the default route.', 39),
      bindPort: int32('Port; default that of the Cluster, or 6443.'),
    },
  );
}

function bootstrapTokens() {
  const words = (description: string, item: string) => list(description, bounded(item, 256), { maxItems: 100 });
  const token = obj(
    'A bootstrap token.',
    { token: text('Token in the form id.secret.') },
    {
      description: bounded('What the token is for.', 512),
      expires: time('When the token expires; excludes ttl.'),
      groups: words('Groups the token authenticates as.', 'Name of a group.'),
      ttl: duration('How long the token is valid; excludes expires, default 24h.'),
      usages: words('What the token may be used for.', 'A usage, e.g. signing.'),
    },
  );
  return list('Bootstrap tokens to create.', token, { maxItems: 100 });
}

export function initConfiguration() {
  return obj(
    'Settings of the first control plane machine, for kubeadm init.',
    {},
    {
      ...typeMeta(),
      bootstrapTokens: bootstrapTokens(),
      localAPIEndpoint: localAPIEndpoint(),
      nodeRegistration: nodeRegistration(),
      patches: relax(patches()),
      skipPhases: relax(skipPhases()),
    },
  );
}

export function joinConfiguration() {
  return obj(
    'Settings of a machine that joins, for kubeadm join.',
    {},
    {
      ...typeMeta(),
      caCertPath: path('Path of the certificate authority; default /etc/kubernetes/pki/ca.crt.'),
      controlPlane: obj('Makes the machine a control plane machine.', {}, { localAPIEndpoint: localAPIEndpoint() }),
      discovery: obj(
        'How the cluster is found and trusted.',
        {},
        {
          bootstrapToken: relax(bootstrapTokenDiscovery()),
          file: relax(fileDiscovery()),
          timeout: duration('How long the discovery may take; default 5m.'),
          tlsBootstrapToken: path('Token for the TLS bootstrap; default that of bootstrapToken.'),
        },
      ),
      nodeRegistration: nodeRegistration(),
      patches: relax(patches()),
      skipPhases: relax(skipPhases()),
    },
  );
}
