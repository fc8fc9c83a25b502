import type { InventoryInstance, InventoryLoadBalancer } from './inventory.js';

/** A running instance for tests; `changes` override. */
export function anInstance(changes: Partial<InventoryInstance> = {}): InventoryInstance {
  return {
    id: 'i-0001',
    account: '123456789012',
    region: 'eu-west-1',
    availabilityZone: 'eu-west-1a',
    state: 'running',
    imageId: 'ami-1',
    imageName: 'capa-ami-ubuntu-24.04-v1.34.4-1773500000',
    instanceType: 't3.large',
    launchIndex: 0,
    privateIp: '10.0.1.5',
    privateDnsName: 'ip-10-0-1-5.eu-west-1.compute.internal',
    publicIp: '',
    macAddress: '02:00:00:00:00:01',
    vpcId: 'vpc-1',
    vpcCidr: '10.0.0.0/16',
    subnetId: 'subnet-1',
    subnetCidr: '10.0.1.0/24',
    securityGroups: ['sg-1', 'sg-2'],
    keyName: '',
    userData: Buffer.from('#cloud-config\n').toString('base64'),
    iamInstanceProfile: 'nodes',
    tags: {},
    httpEndpoint: 'enabled',
    httpTokens: 'optional',
    instanceMetadataTags: 'disabled',
    ...changes,
  };
}

/** A network load balancer with one TCP listener and no targets. */
export function aLoadBalancer(changes: Partial<InventoryLoadBalancer> = {}): InventoryLoadBalancer {
  return {
    name: 'api',
    arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/api/1',
    type: 'network',
    account: '123456789012',
    region: 'eu-west-1',
    dnsName: 'api-1.elb.eu-west-1.amazonaws.com',
    vpcId: 'vpc-1',
    listeners: [{ port: 6443, protocol: 'TCP', targets: [], healthCheck: undefined }],
    ...changes,
  };
}
