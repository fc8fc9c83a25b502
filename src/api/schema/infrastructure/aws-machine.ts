import { bounded, flag, intOrString, mapOf, obj, oneOf, text } from '../lib.js';
import { addresses, awsTemplateMetadata, conditionFields, initialization } from './aws-common.js';
import { machineSpecFields } from './aws-instance.js';

const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

function awsMachineSpec(description: string) {
  return obj(
    description,
    { instanceType: text('Instance type, e.g. m5.large.', { minLength: 2 }) },
    machineSpecFields(),
    {
      rules: [
        {
          rule: "!has(self.capacityReservationId) || !has(self.marketType) || self.marketType != 'Spot'",
          message: 'capacityReservationId may not be set when marketType is Spot: remove one of them',
        },
        {
          rule: '!has(self.capacityReservationId) || !has(self.spotMarketOptions)',
          message: 'capacityReservationId cannot be set when spotMarketOptions is specified: remove one of them',
        },
      ],
    },
  );
}

/** Root properties of AWSMachine. */
export const AWS_MACHINE = {
  spec: awsMachineSpec('Desired state of the instance.'),
  status: obj(
    'Observed state of the instance.',
    {},
    {
      ready: flag('True once the instance runs; contract v1beta1.'),
      initialization: initialization('the instance'),
      interruptible: flag('Whether the instance can be taken away by AWS (spot).'),
      addresses: addresses(),
      instanceState: text('State of the instance in EC2.'),
      failureDomain: bounded('Zone the instance runs in.', 256),
      dedicatedHost: obj('Dedicated host made for the instance.', {}, { id: text('Id of the dedicated host.') }),
      failureReason: text('Why the machine needs a person, in one word.'),
      failureMessage: text('Why the machine needs a person.'),
      ...conditionFields(),
    },
  ),
} as const;

/** Root properties of AWSMachineTemplate. */
export const AWS_MACHINE_TEMPLATE = {
  spec: obj('The template. Cannot be changed: make a new one and refer to it.', {
    template: obj(
      'What is copied.',
      { spec: awsMachineSpec('Spec of the machines made from this template.') },
      { metadata: awsTemplateMetadata() },
    ),
  }),
  status: obj(
    'Observed facts about machines made from this template.',
    {},
    {
      capacity: mapOf(
        'Resources of a node made from this template, for scaling from zero.',
        intOrString('Amount, e.g. 2 or 500m.', { pattern: QUANTITY }),
      ),
      nodeInfo: obj(
        'Architecture and system of a node made from this template, for scaling from zero.',
        {},
        {
          architecture: oneOf('CPU architecture.', ['amd64', 'arm64']),
          operatingSystem: oneOf('Operating system.', ['linux', 'windows']),
        },
      ),
      ...conditionFields(),
    },
  ),
} as const;
