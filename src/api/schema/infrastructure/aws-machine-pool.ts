import { duration, flag, int32, int64, list, obj, oneOf, text } from '../lib.js';
import { conditionFields, initialization, names, resourceReference, tags } from './aws-common.js';
import { ignition, machineSpecFields } from './aws-instance.js';

/** Spec and status of AWSMachinePool. Source: capa exp/api/v1beta2/awsmachinepool_types.go. */

const PERCENT = { minimum: 0, maximum: 100 } as const;

function launchTemplate() {
  const {
    ami,
    imageLookupFormat,
    imageLookupOrg,
    imageLookupBaseOS,
    iamInstanceProfile,
    additionalSecurityGroups,
    sshKeyName,
    rootVolume,
    nonRootVolumes,
    spotMarketOptions,
    instanceMetadataOptions,
    privateDnsName,
    capacityReservationId,
    marketType,
    capacityReservationPreference,
  } = machineSpecFields();
  return obj(
    'How the instances are made.',
    {},
    {
      name: text('Name of the launch template; default that of the AWSMachinePool.'),
      iamInstanceProfile,
      ami,
      imageLookupFormat,
      imageLookupOrg,
      imageLookupBaseOS,
      instanceType: text('Instance type, e.g. m5.large; may be left out where mixedInstancesPolicy names some.'),
      rootVolume,
      nonRootVolumes,
      sshKeyName,
      versionNumber: int64('Version of the launch template. Filled in by the controller.'),
      additionalSecurityGroups,
      spotMarketOptions,
      instanceMetadataOptions,
      enclaveOptions: obj(
        'Nitro Enclaves of the instances.',
        {},
        { enabled: flag('Whether the instances can run enclaves.') },
      ),
      privateDnsName,
      capacityReservationId,
      marketType,
      capacityReservationPreference,
    },
  );
}

function mixedInstancesPolicy() {
  const distribution = obj(
    'Shares of on-demand and spot instances.',
    {},
    {
      onDemandAllocationStrategy: oneOf('How on-demand instance types are chosen.', ['prioritized', 'lowest-price'], {
        default: 'prioritized',
      }),
      spotAllocationStrategy: oneOf(
        'How spot instance types are chosen.',
        ['lowest-price', 'capacity-optimized', 'capacity-optimized-prioritized', 'price-capacity-optimized'],
        { default: 'lowest-price' },
      ),
      onDemandBaseCapacity: int64('Instances that are on-demand in any case.', { default: 0, minimum: 0 }),
      onDemandPercentageAboveBaseCapacity: int64('Percentage of the others that is on-demand.', {
        default: 100,
        ...PERCENT,
      }),
    },
  );
  const override = obj('An instance type that may be used.', { instanceType: text('Instance type.') });
  return obj(
    'Several instance types and purchase options; excludes spotMarketOptions.',
    {},
    { instancesDistribution: distribution, overrides: list('Instance types, preferred ones first.', override) },
  );
}

function suspendProcesses() {
  const one = (what: string) => flag(`Whether ${what} is suspended.`);
  return obj(
    'Processes of the Auto Scaling group that are suspended.',
    {},
    {
      all: flag('Suspends all processes; processes then names the exceptions by false.'),
      processes: obj(
        'Single processes.',
        {},
        {
          launch: one('launching instances'),
          terminate: one('terminating instances'),
          addToLoadBalancer: one('adding instances to load balancers'),
          alarmNotification: one('acting on alarms'),
          azRebalance: one('balancing over availability zones'),
          healthCheck: one('checking the health of instances'),
          instanceRefresh: one('refreshing instances'),
          replaceUnhealthy: one('replacing unhealthy instances'),
          scheduledActions: one('acting on schedules'),
        },
      ),
    },
  );
}

function refreshPreferences() {
  return obj(
    'How instances are replaced when the launch template changes.',
    {},
    {
      disable: flag('Whether instances stay as they are when the launch template changes.'),
      strategy: text('Strategy of the replacement; Rolling is the only one.'),
      instanceWarmup: int64('Seconds until a new instance counts as ready.'),
      minHealthyPercentage: int64('Percentage of the capacity that stays healthy meanwhile; default 90.', PERCENT),
      maxHealthyPercentage: int64(
        'Percentage of the capacity that may exist meanwhile; needs minHealthyPercentage and is at most 100 above it.',
        { minimum: 100, maximum: 200 },
      ),
    },
  );
}

function lifecycleHook() {
  return obj(
    'Something that is waited for when an instance starts or ends.',
    {
      name: text('Name of the hook.'),
      lifecycleTransition: oneOf('When the hook applies.', [
        'autoscaling:EC2_INSTANCE_LAUNCHING',
        'autoscaling:EC2_INSTANCE_TERMINATING',
      ]),
    },
    {
      notificationTargetARN: text('Where notifications go: a topic or a queue.'),
      roleARN: text('Role that may send the notifications.'),
      heartbeatTimeout: duration('How long to wait; 30s to 48h, default 1h.'),
      defaultResult: oneOf('What happens when the time is over.', ['CONTINUE', 'ABANDON']),
      notificationMetadata: text('Further text in the notifications.'),
    },
  );
}

/** Root properties of AWSMachinePool. */
export const AWS_MACHINE_POOL = {
  spec: obj(
    'Desired state of the Auto Scaling group.',
    {
      minSize: int32('Least number of instances.', { default: 1, minimum: 0 }),
      maxSize: int32('Greatest number of instances.', { default: 1, minimum: 1 }),
      awsLaunchTemplate: launchTemplate(),
    },
    {
      providerID: text('ARN of the Auto Scaling group. Filled in by the controller.'),
      availabilityZones: names('Availability zones of the instances; default those of the subnets.'),
      availabilityZoneSubnetType: oneOf('Which subnets of the availability zones are used; default private.', [
        'public',
        'private',
        'all',
      ]),
      subnets: list('Subnets of the instances.', resourceReference('A subnet.')),
      additionalTags: tags('Tags of group, launch template and instances besides those of the cluster.'),
      mixedInstancesPolicy: mixedInstancesPolicy(),
      providerIDList: list('Identities of the instances. Filled in by the controller.', text('Identity of one.')),
      defaultCoolDown: duration('Time between two scaling activities; default 300s.'),
      defaultInstanceWarmup: duration('Time until a new instance counts in scaling decisions; default 300s.'),
      refreshPreferences: refreshPreferences(),
      capacityRebalance: flag('Whether spot instances at risk are replaced before they are taken away.'),
      suspendProcesses: suspendProcesses(),
      ignition: ignition('UnencryptedUserData'),
      lifecycleHooks: list('What is waited for when instances start or end.', lifecycleHook()),
    },
  ),
  status: obj(
    'Observed state of the Auto Scaling group.',
    {},
    {
      ready: flag('True once the group exists; contract v1beta1.'),
      initialization: initialization('the group'),
      replicas: int32('Instances that exist.'),
      instances: list(
        'The instances.',
        obj(
          'An instance.',
          {},
          {
            instanceID: text('Id of the instance.'),
            version: text('Version of the launch template it was made from.'),
          },
        ),
      ),
      launchTemplateID: text('Id of the launch template.'),
      launchTemplateVersion: text('Newest version of the launch template.'),
      infrastructureMachineKind: text('Kind of the objects that stand for single instances; contract v1beta2.'),
      asgStatus: text('Status of the Auto Scaling group.'),
      failureReason: text('Why the pool needs a person, in one word.'),
      failureMessage: text('Why the pool needs a person.'),
      ...conditionFields(),
    },
  ),
} as const;
