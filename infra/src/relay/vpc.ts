import { RemovalPolicy } from 'aws-cdk-lib'
import { FlowLogDestination, SubnetType, Vpc, type IVpc } from 'aws-cdk-lib/aws-ec2'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'

import type { Settings } from '../settings.ts'

/** The VPC of the settings, else one with public subnets alone: relays are public, and a NAT gateway would cost more than they do. */
export function relayVpc(scope: Construct, { retentionDays, vpcId }: Settings): IVpc {
  if (vpcId !== undefined) return Vpc.fromLookup(scope, 'Vpc', { vpcId })
  const flows = new LogGroup(scope, 'FlowLogs', {
    retention: retentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  return new Vpc(scope, 'Vpc', {
    maxAzs: 2,
    natGateways: 0,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC }],
    flowLogs: { rejected: { destination: FlowLogDestination.toCloudWatchLogs(flows) } },
  })
}
