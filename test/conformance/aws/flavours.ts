import type { Expectation } from './expectation.js';

export const INFRASTRUCTURE = 'infrastructure.cluster.x-k8s.io/v1beta2';
/** A variable of a template. */
export const variable = (name: string): string => `\${${name}}`;
export const NAME = variable('CLUSTER_NAME');
const IPV4_ONLY = 'machines of the sandbox have IPv4 alone';

export type Spec = Record<string, unknown>;
/** Members are merged, lists replaced, undefined removes. */
export type Patch = Readonly<Record<string, unknown>>;

/** What a flavour changes of the default one. */
export interface Flavour {
  readonly cluster?: Patch;
  readonly aws?: Patch;
  readonly controlPlane?: Patch;
  /** Of the AWSMachines of control plane and workers. */
  readonly machines?: Patch;
  readonly controlPlaneMachines?: Patch;
  readonly workerMachines?: Patch;
  /** Of the KubeadmConfigs of control plane and workers. */
  readonly bootstrap?: Patch;
  readonly workers?: Patch;
  /** Workers are a pool instead of a MachineDeployment. */
  readonly pool?: Patch;
  readonly extra?: readonly object[];
  /** What it makes otherwise than the default one. */
  readonly inventory?: Readonly<Record<string, number>>;
  readonly perMachine?: Readonly<Record<string, number>>;
  readonly controlPlanes?: number;
  readonly infrastructure?: string;
}

const THREE_ZONES = {
  'ec2/vpc': 1,
  'ec2/subnet': 6,
  'ec2/internet-gateway': 1,
  'ec2/natgateway': 3,
  'ec2/elastic-ip': 3,
  'ec2/route-table': 6,
  'ec2/security-group': 4,
  'elbv2/loadbalancer': 1,
  'elbv2/listener': 1,
  'elbv2/targetgroup': 1,
};
const zones = (count: number): Record<string, number> => ({
  'ec2/subnet': 2 * count,
  'ec2/natgateway': count,
  'ec2/elastic-ip': count,
  'ec2/route-table': 2 * count,
});
const NO_NETWORK = {
  ...zones(0),
  'ec2/vpc': 0,
  'ec2/internet-gateway': 0,
};
const CLASSIC = { 'elb/loadbalancer': 1, 'elbv2/loadbalancer': 0, 'elbv2/listener': 0, 'elbv2/targetgroup': 0 };
const POOL = { 'autoscaling/group': 1, 'ec2/launch-template': 1 };

const healthCheck = (name: string, matchLabels: Record<string, string>): object => ({
  apiVersion: 'cluster.x-k8s.io/v1beta1',
  kind: 'MachineHealthCheck',
  metadata: { name: `${NAME}-${name}` },
  spec: {
    clusterName: NAME,
    maxUnhealthy: '100%',
    selector: { matchLabels },
    unhealthyConditions: [{ type: 'Ready', status: 'Unknown', timeout: '300s' }],
  },
});
const roleIdentity = (name: string, role: string, source: object): object => ({
  apiVersion: INFRASTRUCTURE,
  kind: 'AWSClusterRoleIdentity',
  metadata: { name },
  spec: {
    allowedNamespaces: {},
    durationSeconds: 900,
    roleARN: role,
    sessionName: `${name}-session`,
    sourceIdentityRef: source,
  },
});
const CONTROLLER = { kind: 'AWSClusterControllerIdentity', name: 'default' };

/** Commands by which Flatcar fills in what cloud-init would; upstream's templates have them. */
const FLATCAR = {
  format: 'ignition',
  preKubeadmCommands: [
    'envsubst < /etc/kubeadm.yml > /etc/kubeadm.yml.tmp',
    'mv /etc/kubeadm.yml.tmp /etc/kubeadm.yml',
  ],
  ignition: {
    containerLinuxConfig: {
      additionalConfig: [
        'systemd:',
        '  units:',
        '  - name: kubeadm.service',
        '    enabled: true',
        '    dropins:',
        '    - name: 10-flatcar.conf',
        '      contents: |',
        '        [Unit]',
        '        Requires=containerd.service coreos-metadata.service',
        '        After=containerd.service coreos-metadata.service',
        '        [Service]',
        '        EnvironmentFile=/run/metadata/flatcar',
        '',
      ].join('\n'),
    },
  },
};
export const FLATCAR_NODE = {
  name: `$${variable('COREOS_EC2_HOSTNAME')}`,
  kubeletExtraArgs: { 'cloud-provider': 'external' },
};
const BUCKET = {
  name: variable('AWS_S3_BUCKET_NAME'),
  controlPlaneIAMInstanceProfile: 'control-plane.cluster-api-provider-aws.sigs.k8s.io',
  nodesIAMInstanceProfiles: ['nodes.cluster-api-provider-aws.sigs.k8s.io'],
};
const WITH_BUCKET = { 's3/bucket': 1, 'ec2/vpc-endpoint': 1 };
const GIVEN_VPC = {
  network: {
    vpc: { id: variable('WL_VPC_ID') },
    subnets: [{ id: variable('WL_PUBLIC_SUBNET_ID') }, { id: variable('WL_PRIVATE_SUBNET_ID') }],
  },
};
const dualStack = (first: 'ipv4' | 'ipv6'): Flavour => {
  const order = <T>(four: T, six: T): T[] => (first === 'ipv4' ? [four, six] : [six, four]);
  return {
    cluster: {
      clusterNetwork: {
        pods: { cidrBlocks: order('192.168.0.0/16', 'fd00:100:96::/48') },
        services: { cidrBlocks: order('172.30.0.0/16', 'fd00:100:64::/108') },
      },
    },
    aws: { network: { vpc: { ipv6: {} } } },
    machines: { instanceMetadataOptions: { httpProtocolIpv6: 'enabled' } },
    inventory: { 'ec2/egress-only-internet-gateway': 1 },
    infrastructure: IPV4_ONLY,
  };
};

/** A template of machines for a later version, which nothing refers to yet. */
const nextImage = (name: string): object => ({
  apiVersion: INFRASTRUCTURE,
  kind: 'AWSMachineTemplate',
  metadata: { name: `${NAME}-${name}-1` },
  spec: { template: { spec: { instanceType: 't3.large', ami: { id: variable('IMAGE_ID') } } } },
});
const TOPOLOGY: Flavour = {
  cluster: { topology: { class: 'quick-start', version: variable('KUBERNETES_VERSION') } },
};

/** Flavours by upstream's names of release and end-to-end templates; further ones for what these do not touch. */
export const FLAVOURS: Readonly<Record<string, Flavour>> = {
  default: {},
  'machine-pool': { pool: {}, inventory: POOL },
  machinepool: {
    pool: {},
    inventory: POOL,
    extra: [healthCheck('mhc', { 'cluster.x-k8s.io/pool-name': `${NAME}-mp-0` })],
  },
  flatcar: {
    aws: { s3Bucket: BUCKET, imageLookupBaseOS: 'flatcar-stable' },
    bootstrap: FLATCAR,
    machines: { ignition: {}, cloudInit: undefined },
    inventory: WITH_BUCKET,
  },
  'flatcar-machinepool': {
    aws: { s3Bucket: BUCKET, imageLookupBaseOS: 'flatcar-stable' },
    bootstrap: FLATCAR,
    machines: { ignition: {}, cloudInit: undefined },
    pool: { ignition: { storageType: 'ClusterObjectStore' } },
    inventory: { ...WITH_BUCKET, ...POOL },
  },
  ignition: {
    aws: {
      s3Bucket: { name: variable('AWS_S3_BUCKET_NAME'), presignedURLDuration: '1h' },
      imageLookupBaseOS: 'flatcar-stable',
    },
    bootstrap: FLATCAR,
    machines: { ignition: { version: '3.4' }, cloudInit: undefined },
    inventory: WITH_BUCKET,
  },
  ipv6: {
    cluster: {
      clusterNetwork: { pods: { cidrBlocks: ['2001:db8:1::/56'] }, services: { cidrBlocks: ['2001:db8:2::/112'] } },
    },
    aws: { network: { vpc: { ipv6: {} } } },
    machines: { instanceMetadataOptions: { httpProtocolIpv6: 'enabled' } },
    inventory: { 'ec2/egress-only-internet-gateway': 1 },
    infrastructure: IPV4_ONLY,
  },
  'dualstack-ipv4-primary': dualStack('ipv4'),
  'dualstack-ipv6-primary': dualStack('ipv6'),
  'multi-az': {
    aws: {
      network: {
        subnets: [variable('AWS_AVAILABILITY_ZONE_1'), variable('AWS_AVAILABILITY_ZONE_2')].flatMap(
          (availabilityZone, i) => [
            { id: `${NAME}-public-${i}`, availabilityZone, cidrBlock: `10.0.${2 * i}.0/24`, isPublic: true },
            { id: `${NAME}-private-${i}`, availabilityZone, cidrBlock: `10.0.${2 * i + 1}.0/24` },
          ],
        ),
      },
    },
    inventory: zones(2),
  },
  'limit-az': {
    aws: { network: { vpc: { availabilityZoneUsageLimit: 1, availabilityZoneSelection: 'Random' } } },
    inventory: zones(1),
  },
  'spot-instances': { workerMachines: { spotMarketOptions: { maxPrice: '' } } },
  ssm: { machines: { cloudInit: { secureSecretsBackend: 'ssm-parameter-store' } } },
  gpu: { workerMachines: { instanceType: 'g4dn.xlarge', rootVolume: { size: 100, type: 'gp2' } } },
  'internal-elb': {
    aws: { ...GIVEN_VPC, controlPlaneLoadBalancer: { scheme: 'internal', loadBalancerType: 'classic' } },
    inventory: { ...NO_NETWORK, ...CLASSIC },
  },
  'peered-remote': {
    aws: { ...GIVEN_VPC, controlPlaneLoadBalancer: { scheme: 'internal', loadBalancerType: 'nlb' } },
    machines: { additionalSecurityGroups: [{ id: variable('SG_ID') }] },
    inventory: NO_NETWORK,
  },
  'remote-management-cluster': {},
  'kcp-remediation': { extra: [healthCheck('kcp', { 'cluster.x-k8s.io/control-plane': '' })] },
  'md-remediation': { extra: [healthCheck('md', { 'e2e.remediation.label': '' })] },
  'kcp-scale-in': {
    controlPlane: { replicas: 3, rolloutStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } } },
    controlPlanes: 3,
  },
  upgrades: {},
  'simple-multitenancy': {
    aws: { identityRef: { kind: 'AWSClusterRoleIdentity', name: variable('MULTI_TENANCY_SIMPLE_IDENTITY_NAME') } },
    extra: [
      roleIdentity(
        variable('MULTI_TENANCY_SIMPLE_IDENTITY_NAME'),
        variable('MULTI_TENANCY_SIMPLE_ROLE_ARN'),
        CONTROLLER,
      ),
    ],
  },
  'nested-multitenancy': {
    aws: { identityRef: { kind: 'AWSClusterRoleIdentity', name: variable('MULTI_TENANCY_NESTED_IDENTITY_NAME') } },
    extra: [
      roleIdentity(variable('MULTI_TENANCY_JUMP_IDENTITY_NAME'), variable('MULTI_TENANCY_JUMP_ROLE_ARN'), CONTROLLER),
      roleIdentity(variable('MULTI_TENANCY_NESTED_IDENTITY_NAME'), variable('MULTI_TENANCY_NESTED_ROLE_ARN'), {
        kind: 'AWSClusterRoleIdentity',
        name: variable('MULTI_TENANCY_JUMP_IDENTITY_NAME'),
      }),
    ],
  },
  'external-cloud-provider': {
    cluster: { labels: { ccm: 'external' } },
    extra: [
      {
        apiVersion: 'addons.cluster.x-k8s.io/v1beta1',
        kind: 'ClusterResourceSet',
        metadata: { name: 'crs-ccm' },
        spec: {
          clusterSelector: { matchLabels: { ccm: 'external' } },
          resources: [{ kind: 'ConfigMap', name: 'ccm' }],
          strategy: 'ApplyOnce',
        },
      },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ccm' }, data: { 'ccm.yaml': '' } },
    ],
  },
  'external-csi': { cluster: { labels: { csi: 'external' } } },
  'efs-support': { workers: { replicas: 2 }, perMachine: { workers: 2 } },
  'classicelb-upgrade': { aws: { controlPlaneLoadBalancer: { loadBalancerType: 'classic' } }, inventory: CLASSIC },
  'dedicated-host': {
    workerMachines: {
      tenancy: 'host',
      hostAffinity: 'host',
      dynamicHostAllocation: { tags: { purpose: 'conformance' } },
    },
    inventory: {},
    perMachine: { 'ec2/dedicated-host': 1 },
  },
  'nitro-enclave': {
    pool: { awsLaunchTemplate: { instanceType: 'm5.xlarge', enclaveOptions: { enabled: true } } },
    inventory: POOL,
  },
  'intree-cloud-provider': {
    infrastructure: 'Kubernetes 1.27 and later have no cloud provider of AWS in them',
    controlPlane: {
      kubeadmConfigSpec: { clusterConfiguration: { apiServer: { extraArgs: { 'cloud-provider': 'aws' } } } },
    },
  },
  'csimigration-off': {
    infrastructure: 'Kubernetes 1.27 and later have no cloud provider of AWS in them',
    controlPlane: {
      kubeadmConfigSpec: {
        clusterConfiguration: {
          apiServer: { extraArgs: { 'cloud-provider': 'aws', 'feature-gates': 'CSIMigrationAWS=false' } },
        },
      },
    },
  },
  'upgrade-to-external-cloud-provider': { cluster: { labels: { ccm: 'external', csi: 'external' } } },
  'upgrade-to-main': { extra: [nextImage('control-plane'), nextImage('md-0')] },
  'simple-clusterclass': TOPOLOGY,
  'multitenancy-clusterclass': TOPOLOGY,
  'nested-multitenancy-clusterclass': TOPOLOGY,
  'self-hosted-clusterclass': TOPOLOGY,
  topology: TOPOLOGY,

  bastion: { aws: { bastion: { enabled: true } }, inventory: { 'ec2/security-group': 5 }, perMachine: { bastion: 1 } },
  'secondary-load-balancer': {
    aws: { secondaryControlPlaneLoadBalancer: { name: `${NAME}-internal`, scheme: 'internal' } },
    inventory: { 'elbv2/loadbalancer': 2, 'elbv2/listener': 2, 'elbv2/targetgroup': 2 },
  },
  'additional-listeners': {
    aws: { controlPlaneLoadBalancer: { loadBalancerType: 'nlb', additionalListeners: [{ port: 8132 }] } },
    inventory: { 'elbv2/listener': 2, 'elbv2/targetgroup': 2 },
  },
  'disabled-load-balancer': {
    aws: {
      controlPlaneLoadBalancer: { loadBalancerType: 'disabled' },
      controlPlaneEndpoint: { host: 'api.example.com', port: 6443 },
    },
    inventory: { 'elbv2/loadbalancer': 0, 'elbv2/listener': 0, 'elbv2/targetgroup': 0 },
    infrastructure: 'the endpoint is the user’s, and leads nowhere here',
  },
  'secondary-cidr': {
    aws: { network: { vpc: { secondaryCidrBlocks: [{ ipv4CidrBlock: '100.64.0.0/16' }] } } },
  },
  ipam: { aws: { network: { vpc: { ipamPool: { name: 'perdure-ipv4', netmaskLength: 20 } } } } },
  'elastic-ip-pool': {
    aws: {
      network: {
        vpc: {
          elasticIpPool: {
            publicIpv4Pool: 'ipv4pool-ec2-0a4a4a4a4a4a4a4a4',
            publicIpv4PoolFallbackOrder: 'amazon-pool',
          },
        },
      },
    },
    inventory: { 'ec2/elastic-ip': 6 },
  },
  'edge-zones': {
    aws: {
      network: {
        subnets: [
          { id: 'public', availabilityZone: 'us-east-1a', cidrBlock: '10.0.0.0/24', isPublic: true },
          { id: 'private', availabilityZone: 'us-east-1a', cidrBlock: '10.0.1.0/24' },
          { id: 'local', availabilityZone: 'us-east-1-bos-1a', cidrBlock: '10.0.2.0/24' },
          { id: 'wavelength', availabilityZone: 'us-east-1-wl1-bos-wlz-1', cidrBlock: '10.0.3.0/24', isPublic: true },
        ],
      },
    },
    workerMachines: { subnet: { id: 'local' } },
    inventory: { ...zones(1), 'ec2/subnet': 4, 'ec2/route-table': 4, 'ec2/carrier-gateway': 1 },
  },
};

/** What a flavour is to make. */
export function expectationFor(name: string): Expectation | undefined {
  const flavour = FLAVOURS[name];
  if (!flavour) return undefined;
  const { workers = 1, bastion = 0, ...others } = flavour.perMachine ?? {};
  const count = (flavour.controlPlanes ?? 1) + workers + bastion;
  return {
    converges: flavour.infrastructure ? 'infrastructure' : 'available',
    ...(flavour.infrastructure ? { because: flavour.infrastructure } : {}),
    inventory: { ...THREE_ZONES, ...flavour.inventory },
    machines: { 'ec2/instance': count, 'ec2/volume': count, 'ec2/network-interface': count, ...others },
  };
}
