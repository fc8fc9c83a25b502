import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';

export interface GivenNetwork {
  readonly variables: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** Variables by which templates name a network that was there before. */
export const GIVEN = /^(WL|MGMT)_(VPC|PUBLIC_SUBNET|PRIVATE_SUBNET)_ID$|^SG_ID$/;

/** Name of the cluster that has the network. */
export const MANAGEMENT = 'management';

/** A VPC with a public and a private subnet and a group, as a user has them before the first cluster. */
export async function givenNetwork(endpoint: string, region: string): Promise<GivenNetwork> {
  const credentials = { accessKeyId: 'AKIASANDBOX000000000', secretAccessKey: 'sandbox' };
  const ec2 = new EC2Client({ endpoint, region, credentials });
  const VpcId = (await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId ?? '';
  const AvailabilityZone = `${region}a`;
  const subnet = async (CidrBlock: string): Promise<string> =>
    (await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone }))).Subnet?.SubnetId ?? '';
  const [open, closed] = [await subnet('10.0.0.0/20'), await subnet('10.0.16.0/20')];
  const gateway = await ec2.send(new CreateInternetGatewayCommand({}));
  const InternetGatewayId = gateway.InternetGateway?.InternetGatewayId ?? '';
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId }));
  const RouteTableId = (await ec2.send(new CreateRouteTableCommand({ VpcId }))).RouteTable?.RouteTableId ?? '';
  const route = { RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId: InternetGatewayId };
  await ec2.send(new CreateRouteCommand(route));
  const { AssociationId } = await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId: open }));
  const group = new CreateSecurityGroupCommand({ VpcId, GroupName: `${MANAGEMENT}-all`, Description: 'given' });
  const GroupId = (await ec2.send(group)).GroupId ?? '';
  const ids = (prefix: string): Record<string, string> => ({
    [`${prefix}_VPC_ID`]: VpcId,
    [`${prefix}_PUBLIC_SUBNET_ID`]: open,
    [`${prefix}_PRIVATE_SUBNET_ID`]: closed,
  });
  return {
    variables: { ...ids('WL'), ...ids('MGMT'), SG_ID: GroupId },
    async remove() {
      await ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
      await ec2.send(new DisassociateRouteTableCommand({ AssociationId }));
      await ec2.send(new DeleteRouteTableCommand({ RouteTableId }));
      await ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId }));
      await ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
      for (const SubnetId of [open, closed]) await ec2.send(new DeleteSubnetCommand({ SubnetId }));
      await ec2.send(new DeleteVpcCommand({ VpcId }));
      ec2.destroy();
    },
  };
}
