import { atomicList, block, bounded, flag, int32, list, mapOf, obj, oneOf, seconds, text, time } from '../lib.js';
import { extraArgs, path } from './cluster-configuration.js';

/** kubeadm's InitConfiguration and JoinConfiguration as v1beta2 has them. Source: cluster-api api/bootstrap/kubeadm/v1beta2/kubeadm_types.go. */

export const IMAGE_PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

/** corev1.Taint. */
export function nodeTaint() {
  return obj(
    'A taint of the Node.',
    { key: text('Key of the taint.'), effect: text('NoSchedule, PreferNoSchedule or NoExecute.') },
    { timeAdded: time('When a NoExecute taint was added.'), value: text('Value of the taint.') },
  );
}

function nodeRegistration() {
  return block('How the Node registers.', {
    criSocket: path('Socket of the container runtime.'),
    ignorePreflightErrors: atomicList('Preflight checks that may fail.', path('Name of a check.'), {
      minItems: 1,
      maxItems: 50,
    }),
    imagePullPolicy: oneOf('When images are pulled; default IfNotPresent.', IMAGE_PULL_POLICIES),
    imagePullSerial: flag('Pulls images one after the other; default true.'),
    kubeletExtraArgs: extraArgs('kubeletExtraArgs', 'the kubelet'),
    name: bounded('Name of the Node; default the host name.', 253),
    taints: list('Taints of the Node; an empty list means none, absence the default of kubeadm.', nodeTaint(), {
      minItems: 0,
      maxItems: 100,
    }),
  });
}

function localAPIEndpoint() {
  return block('Where the API server of this machine listens.', {
    advertiseAddress: bounded('Address that is advertised; default that of the default route.', 39),
    bindPort: int32('Port; default that of the Cluster, or 6443.', { minimum: 1 }),
  });
}

export function patches() {
  return block('Patches of the manifests that kubeadm writes.', { directory: path('Directory of the patches.') });
}

export function skipPhases() {
  return atomicList('Phases of kubeadm to leave out.', bounded('Name of a phase.', 256), { minItems: 1, maxItems: 50 });
}

function timeouts() {
  return block('How long kubeadm waits.', {
    controlPlaneComponentHealthCheckSeconds: seconds(
      'For the control plane components; default 240. The same for init and join.',
    ),
    discoverySeconds: seconds('For the discovery of the cluster; default 300.'),
    etcdAPICallSeconds: seconds('For calls to etcd; default 120.'),
    kubeletHealthCheckSeconds: seconds('For the kubelet; default 240.'),
    kubernetesAPICallSeconds: seconds('For calls to the Kubernetes API; default 60.'),
    tlsBootstrapSeconds: seconds('For the TLS bootstrap of the kubelet; default 300.'),
  });
}

function bootstrapTokens() {
  const words = (description: string, item: string) =>
    atomicList(description, bounded(item, 256), { minItems: 1, maxItems: 100 });
  const token = obj(
    'A bootstrap token.',
    { token: bounded('Token in the form id.secret.', 23) },
    {
      description: bounded('What the token is for.', 512),
      expires: time('When the token expires; excludes ttlSeconds.'),
      groups: words('Groups the token authenticates as.', 'Name of a group.'),
      ttlSeconds: seconds('How long the token is valid; excludes expires, default 86400.'),
      usages: words('What the token may be used for.', 'A usage, e.g. signing.'),
    },
  );
  return atomicList('Bootstrap tokens to create.', token, { minItems: 1, maxItems: 100 });
}

export function initConfiguration() {
  return block('Settings of the first control plane machine, for kubeadm init.', {
    bootstrapTokens: bootstrapTokens(),
    localAPIEndpoint: localAPIEndpoint(),
    nodeRegistration: nodeRegistration(),
    patches: patches(),
    skipPhases: skipPhases(),
    timeouts: timeouts(),
  });
}

function kubeConfigUser() {
  const envVar = obj('An environment variable.', {
    name: path('Name of the variable.'),
    value: path('Value of the variable.'),
  });
  return block('How to authenticate: authProvider or exec.', {
    authProvider: obj(
      'An authentication plug-in.',
      { name: bounded('Name of the plug-in.', 256) },
      { config: mapOf('Settings of the plug-in.', text('Value of a setting.')) },
    ),
    exec: obj(
      'A command that prints credentials.',
      { command: bounded('Command to run.', 1024) },
      {
        apiVersion: path('Version of ExecCredential; default client.authentication.k8s.io/v1.'),
        args: atomicList('Arguments of the command.', path('An argument.'), { minItems: 1, maxItems: 100 }),
        env: atomicList('Further environment variables of the command.', envVar, { minItems: 1, maxItems: 100 }),
        provideClusterInfo: flag('Passes cluster information to the command.'),
      },
    ),
  });
}

export function bootstrapTokenDiscovery() {
  return block('By bootstrap token. Filled in by the controller when absent.', {
    apiServerEndpoint: path('Address and port of the API server.'),
    caCertHashes: atomicList('Pins of the public key of the certificate authority.', path('A pin, sha256:<hex>.'), {
      minItems: 1,
      maxItems: 100,
    }),
    token: path('The token.'),
    unsafeSkipCAVerification: flag('Trusts any certificate authority.'),
  });
}

export function fileDiscovery() {
  const cluster = block('The cluster; default what the Cluster says.', {
    certificateAuthorityData: bounded('Certificate authority, PEM in base64.', 51_200, { format: 'byte' }),
    insecureSkipTLSVerify: flag('Does not check the certificate of the server.'),
    proxyURL: path('Proxy to use.'),
    server: path('URL of the API server.'),
    tlsServerName: path('Server name for the check of the certificate.'),
  });
  return obj(
    'By kubeconfig.',
    { kubeConfigPath: path('Path or URL of the kubeconfig.') },
    { kubeConfig: obj('Contents for kubeConfigPath.', { user: kubeConfigUser() }, { cluster }) },
  );
}

function discovery() {
  return block('How the cluster is found and trusted.', {
    bootstrapToken: bootstrapTokenDiscovery(),
    file: fileDiscovery(),
    tlsBootstrapToken: path('Token for the TLS bootstrap; default that of bootstrapToken.'),
  });
}

export function joinConfiguration() {
  return block('Settings of a machine that joins, for kubeadm join.', {
    caCertPath: path('Path of the certificate authority; default /etc/kubernetes/pki/ca.crt.'),
    controlPlane: obj('Makes the machine a control plane machine.', {}, { localAPIEndpoint: localAPIEndpoint() }),
    discovery: discovery(),
    nodeRegistration: nodeRegistration(),
    patches: patches(),
    skipPhases: skipPhases(),
    timeouts: timeouts(),
  });
}
