import type { AgentConfig } from '../agent/protocol.js';
import { balancerKey, type InventoryInstance, type InventoryLoadBalancer } from '../inventory.js';
import { metadataFor } from '../metadata.js';
import {
  type BalancerAddresses,
  EMULATOR_ADDRESS,
  EMULATOR_NAME,
  METADATA_ADDRESS,
  vpcNameserver,
} from './addresses.js';
import { balancerConfigs } from './balancers.js';

/** Amazon's resolver address that is the same in every VPC. */
const LINK_LOCAL_RESOLVER = '169.254.169.253';

/** What one VPC's agent has to serve, for the running instances and the load balancers of that VPC. Same input, same output. */
export function agentConfig(
  instances: readonly InventoryInstance[],
  balancers: readonly InventoryLoadBalancer[],
  addresses: ReadonlyMap<string, BalancerAddresses>,
): AgentConfig {
  const placed = balancers.flatMap((lb) => {
    const at = addresses.get(balancerKey(lb));
    return at ? [{ lb, at }] : [];
  });
  const resolvers = instances.map((instance) => vpcNameserver(instance.vpcCidr || instance.subnetCidr));
  return {
    dnsAddresses: [...new Set([LINK_LOCAL_RESOLVER, ...resolvers])].sort(),
    names: {
      [EMULATOR_NAME]: EMULATOR_ADDRESS,
      'instance-data.ec2.internal': METADATA_ADDRESS,
      ...Object.fromEntries(instances.map((instance) => [instance.privateDnsName, instance.privateIp])),
      ...Object.fromEntries(placed.map(({ lb, at }) => [lb.dnsName, at.vip])),
    },
    metadataAddress: METADATA_ADDRESS,
    metadata: instances.map(metadataFor),
    emulatorAddress: EMULATOR_ADDRESS,
    balancers: placed.flatMap(({ lb, at }) => balancerConfigs(lb, at)),
  };
}

/** Addresses the namespace must hold for the agent to bind them. */
export function serviceAddresses(config: AgentConfig): string[] {
  const vips = config.balancers.map((balancer) => balancer.vip);
  return [...new Set([config.metadataAddress, config.emulatorAddress, ...config.dnsAddresses, ...vips])].sort();
}
