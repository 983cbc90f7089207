/** Relays of two meshes in one VPC that was there before. */
import { Relay, relaySecurityGroup } from '@agent-mesh/infra'
import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import { FlowLogDestination, InstanceType, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { HostedZone } from 'aws-cdk-lib/aws-route53'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'

export interface RelaysStackProps extends StackProps {
  /** Folder of the command, in place of that of the version. */
  command?: string | undefined
}

export class RelaysStack extends Stack {
  readonly relays: readonly Relay[]

  constructor(scope: Construct, id: string, { command, ...props }: RelaysStackProps = {}) {
    super(scope, id, props)
    const logs = new LogGroup(this, 'Flows', { removalPolicy: RemovalPolicy.DESTROY })
    const vpc = new Vpc(this, 'Network', {
      maxAzs: 2,
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC }],
      flowLogs: { all: { destination: FlowLogDestination.toCloudWatchLogs(logs) } },
    })
    const zone = HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      hostedZoneId: 'Z0123456789',
      zoneName: 'example.com',
    })
    const token = (name: string) => Secret.fromSecretNameV2(this, `${name}Token`, `mesh/${name}`)
    const first = new Relay(this, 'BlueRelay', {
      ...{ vpc, command },
      name: 'blue-1',
      token: token('blue-1'),
      domain: 'relays.example.com',
      hostedZone: zone,
      mail: 'ops@example.com',
      instanceType: new InstanceType('c7g.large'),
    })
    const second = new Relay(this, 'GreenRelay', {
      ...{ vpc, command },
      name: 'green-1',
      token: token('green-1'),
      subnet: vpc.publicSubnets[1],
      securityGroup: relaySecurityGroup(this, 'GreenRelays', vpc),
    })
    this.relays = [first, second]
  }
}
