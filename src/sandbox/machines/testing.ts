import { existsSync, readdirSync, readFileSync } from 'node:fs';
import {
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  type Instance,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { PerdureError } from '../../domain/errors.js';
import type { TestClients } from '../moto/testing.js';
import { currentHierarchies } from './cgroups.js';
import { sandboxId } from './ids.js';
import { existingNamespaces } from './network/networks.js';
import { commandLine, pids } from './processes.js';

/** Name of the instance profile that `launch` gives its instances. */
export const TEST_PROFILE = 'nodes';

/** A VPC with one subnet in each of two zones. */
export async function makeVpc(aws: TestClients, network = '10.20'): Promise<{ vpcId: string; subnets: string[] }> {
  const vpc = await aws.ec2.send(new CreateVpcCommand({ CidrBlock: `${network}.0.0/16` }));
  const vpcId = vpc.Vpc?.VpcId ?? '';
  const subnets: string[] = [];
  for (const [index, zone] of ['us-east-1a', 'us-east-1b'].entries()) {
    const cidr = `${network}.${index + 1}.0/24`;
    const made = await aws.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: cidr, AvailabilityZone: zone }));
    subnets.push(made.Subnet?.SubnetId ?? '');
  }
  return { vpcId, subnets };
}

/** By a plain request: the project has no client of this service. */
export async function makeInstanceProfile(endpoint: string): Promise<void> {
  const scope = 'Credential=AKIAIOSFODNN7EXAMPLE/20250101/us-east-1/iam/aws4_request';
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0` },
    body: new URLSearchParams({
      Action: 'CreateInstanceProfile',
      Version: '2010-05-08',
      InstanceProfileName: TEST_PROFILE,
    }),
  });
  if (!response.ok)
    throw new PerdureError('Transient', `emulator answered ${response.status} to CreateInstanceProfile`);
}

/** Runs an instance that insists on metadata tokens and has the test profile; returns its id. */
export async function launch(aws: TestClients, subnet: string, userData: string): Promise<string> {
  const images = await aws.ec2.send(
    new DescribeImagesCommand({
      Filters: [
        { Name: 'name', Values: ['capa-ami-ubuntu-24.04-?1.34.4-*'] },
        { Name: 'architecture', Values: ['x86_64'] },
      ],
    }),
  );
  const made = await aws.ec2.send(
    new RunInstancesCommand({
      ImageId: images.Images?.[0]?.ImageId,
      InstanceType: 't3.large',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
      IamInstanceProfile: { Name: TEST_PROFILE },
      MetadataOptions: { HttpTokens: 'required' },
      UserData: Buffer.from(userData).toString('base64'),
    }),
  );
  return made.Instances?.[0]?.InstanceId ?? '';
}

export async function describeInstance(aws: TestClients, id: string): Promise<Instance | undefined> {
  const found = await aws.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return found.Reservations?.[0]?.Instances?.[0];
}

/** Everything of a sandbox that the kernel still holds: namespaces, cgroups, processes, mounts. */
export function leftovers(stateDir: string): string[] {
  const sandbox = sandboxId(stateDir);
  const groups = currentHierarchies().flatMap(({ parent }) => readdirSync(parent));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [
    ...existingNamespaces(sandbox),
    ...groups.filter((name) => name.startsWith(`prd-${sandbox}-`)),
    ...pids()
      .map(commandLine)
      .filter((line) => line.includes(stateDir)),
    ...mounts.filter((line) => line.includes(stateDir) || line.includes(`prd-${sandbox}-`)),
  ];
}

/** A file's text, or nothing while it is not there. */
export function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
