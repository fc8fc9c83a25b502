import { conditionRules, counterRules, defaultType, failureRules, nodeTimeouts } from './core.js';
import { getPath, setPath } from './json.js';
import { field, hubOnly, items, type Mapping, move, type Rule, required, spokeOnly, struct } from './rules.js';
import { args, contractRef, flagIntent, seconds, secondsIntent } from './values.js';

/** Rules of the kubeadm kinds. Source: cluster-api api/bootstrap/kubeadm/v1beta1/conversion.go, bootstrap/kubeadm/webhooks/conversion. */

const volumes = field('extraVolumes', items(struct(field('readOnly', flagIntent))));
const component = struct(field('extraArgs', args), volumes);

const clusterConfiguration = struct(
  spokeOnly('apiVersion', 'clusterName', 'kind', 'kubernetesVersion', 'networking'),
  field('apiServer', struct(field('extraArgs', args), volumes, spokeOnly('timeoutForControlPlane'))),
  field('controllerManager', component),
  field('scheduler', component),
  field('etcd', struct(field('local', struct(field('extraArgs', args))))),
);

const nodeRegistration = field('nodeRegistration', struct(field('kubeletExtraArgs', args)));

const initConfiguration = struct(
  spokeOnly('apiVersion', 'kind'),
  field('bootstrapTokens', items(struct(move('ttl', 'ttlSeconds', seconds)))),
  nodeRegistration,
  hubOnly('timeouts'),
);

const kubeConfig = struct(
  field('cluster', struct(field('insecureSkipTLSVerify', flagIntent))),
  field('user', struct(field('exec', struct(field('provideClusterInfo', flagIntent))))),
);

const joinConfiguration = struct(
  spokeOnly('apiVersion', 'kind'),
  nodeRegistration,
  field(
    'discovery',
    struct(
      field('bootstrapToken', struct(field('unsafeSkipCAVerification', flagIntent))),
      field('file', struct(field('kubeConfig', kubeConfig))),
      spokeOnly('timeout'),
    ),
  ),
  hubOnly('timeouts'),
);

const INIT_TIMEOUT = 'initConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds';
const JOIN_TIMEOUT = 'joinConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds';

/** One timeout of v1beta1 is two in v1beta2, one for each way a control plane machine starts. */
const controlPlaneTimeout: Rule = {
  spokeFields: [],
  hubFields: [],
  up: (spoke, hub, context) => {
    const value = seconds.up(getPath(spoke, 'clusterConfiguration.apiServer.timeoutForControlPlane'), context);
    if (value === undefined) return;
    setPath(hub, INIT_TIMEOUT, value);
    setPath(hub, JOIN_TIMEOUT, value);
  },
  down: (hub, spoke, context) => {
    const value = seconds.down(getPath(hub, INIT_TIMEOUT), context);
    if (value !== undefined) setPath(spoke, 'clusterConfiguration.apiServer.timeoutForControlPlane', value);
  },
};

/** Of the two ways to say how a disk is laid out v1beta2 takes one; the list of partitions always won. */
const layout: Rule = {
  spokeFields: ['layout'],
  hubFields: ['layout'],
  up: (spoke, hub) => {
    const partitions = spoke['diskLayout'];
    if (!Array.isArray(partitions) || partitions.length === 0) hub['layout'] = spoke['layout'] ?? false;
  },
  down: (hub, spoke) => {
    spoke['layout'] = hub['layout'] ?? false;
  },
};

const configSpec = struct(
  field('clusterConfiguration', clusterConfiguration),
  field('initConfiguration', initConfiguration),
  field('joinConfiguration', joinConfiguration),
  controlPlaneTimeout,
  move('joinConfiguration.discovery.timeout', 'joinConfiguration.timeouts.tlsBootstrapSeconds', seconds),
  field('files', items(struct(field('append', flagIntent)))),
  field('diskSetup', struct(field('partitions', items(struct(layout))))),
  field('ignition', struct(field('containerLinuxConfig', struct(field('strict', flagIntent))))),
  spokeOnly('useExperimentalRetryJoin'),
);

export const kubeadmConfig: Mapping = struct(
  field('spec', configSpec),
  field('status', struct(conditionRules, failureRules, move('ready', 'initialization.dataSecretCreated', flagIntent))),
);

export const kubeadmConfigTemplate: Mapping = struct(
  field('spec', struct(field('template', struct(field('spec', configSpec))))),
);

/** What a control plane and its template have in common. */
const controlPlaneRules: readonly Rule[] = [
  field('kubeadmConfigSpec', configSpec),
  required('kubeadmConfigSpec', {}),
  move('machineNamingStrategy', 'machineNaming'),
  move('remediationStrategy.maxRetry', 'remediation.maxRetry'),
  move('remediationStrategy.minHealthyPeriod', 'remediation.minHealthyPeriodSeconds', seconds),
  move('remediationStrategy.retryPeriod', 'remediation.retryPeriodSeconds', secondsIntent),
  move('rolloutAfter', 'rollout.after'),
  move('rolloutBefore.certificatesExpiryDays', 'rollout.before.certificatesExpiryDays'),
  move('rolloutStrategy', 'rollout.strategy'),
  defaultType('rollout.strategy'),
];

/** v1beta1's `ready` is not kept: it says whether any replica is ready. */
const ready: Rule = {
  spokeFields: ['ready'],
  hubFields: [],
  up: () => undefined,
  down: (hub, spoke) => {
    const replicas = getPath(hub, 'deprecated.v1beta1.readyReplicas');
    spoke['ready'] = typeof replicas === 'number' && replicas > 0;
  },
};

export const kubeadmControlPlane: Mapping = struct(
  field(
    'spec',
    struct(
      controlPlaneRules,
      field(
        'machineTemplate',
        struct(
          nodeTimeouts('spec.'),
          move('infrastructureRef', 'spec.infrastructureRef', contractRef),
          move('readinessGates', 'spec.readinessGates'),
          move('taints', 'spec.taints'),
        ),
      ),
    ),
  ),
  field(
    'status',
    struct(
      conditionRules,
      failureRules,
      counterRules(['readyReplicas', 'unavailableReplicas', 'updatedReplicas']),
      move('initialized', 'initialization.controlPlaneInitialized', flagIntent),
      field('lastRemediation', struct(move('timestamp', 'time'))),
      ready,
    ),
  ),
);

export const kubeadmControlPlaneTemplate: Mapping = struct(
  field(
    'spec',
    struct(
      field(
        'template',
        struct(
          field(
            'spec',
            struct(
              controlPlaneRules,
              field('machineTemplate', struct(nodeTimeouts('spec.'), move('taints', 'spec.taints'))),
            ),
          ),
          required('spec', { kubeadmConfigSpec: {} }),
        ),
      ),
    ),
  ),
);
