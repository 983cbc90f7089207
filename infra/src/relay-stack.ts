import { Fn, Stack, type StackProps } from 'aws-cdk-lib'
import { InstanceType } from 'aws-cdk-lib/aws-ec2'
import { HostedZone } from 'aws-cdk-lib/aws-route53'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'

import { publicSubnets, Relay } from './relay/relay.ts'
import { relaySecurityGroup } from './relay/security-group.ts'
import { relayVpc } from './relay/vpc.ts'
import type { Settings } from './settings.ts'

export interface RelayStackProps extends StackProps {
  settings: Settings
  /** Folder of the built command. */
  command: string
  /** Stack that exports `NAME-1`, `NAME-2` …: the ARNs of the secrets with the join tokens. */
  tokens: string
}

/** Relays, each an instance with an address, a name and a disk of its own: a dial by key must reach the one that has it. */
export class RelayStack extends Stack {
  constructor(scope: Construct, id: string, { settings, command, tokens, ...props }: RelayStackProps) {
    super(scope, id, props)
    const { relays, relayDomain, relayMail, relayInstanceType } = settings
    const hostedZoneId = settings.domain?.hostedZoneId
    const vpc = relayVpc(this, settings)
    const subnets = publicSubnets(vpc)
    const common = {
      ...{ vpc, command },
      securityGroup: relaySecurityGroup(this, 'RelayGroup', vpc),
      domain: relayDomain,
      hostedZone:
        hostedZoneId === undefined ? undefined : HostedZone.fromHostedZoneId(this, 'Zone', hostedZoneId),
      mail: relayMail,
      instanceType: new InstanceType(relayInstanceType),
    }
    let before: Relay | undefined
    for (let i = 1; i <= relays; i++) {
      const relay = new Relay(this, `Relay${i}`, {
        ...common,
        name: `relay-${i}`,
        subnet: subnets[(i - 1) % subnets.length],
        token: Secret.fromSecretCompleteArn(this, `Token${i}`, Fn.importValue(`${tokens}-${i}`)),
      })
      // One after the other, so that an update leaves agents their standby.
      if (before !== undefined) relay.node.addDependency(before)
      before = relay
    }
  }
}
