import { Fn, Stack, type StackProps } from 'aws-cdk-lib'
import { Peer, Port, SecurityGroup, SubnetType, type IVpc } from 'aws-cdk-lib/aws-ec2'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import type { Construct } from 'constructs'

import { acknowledgeRelayFindings } from './relay/acknowledged.ts'
import { relayPorts } from './relay/ports.ts'
import { RelayHost } from './relay/relay-host.ts'
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
  constructor(
    scope: Construct,
    id: string,
    { settings, command: folder, tokens, ...props }: RelayStackProps,
  ) {
    super(scope, id, props)
    const vpc = relayVpc(this, settings)
    const { subnets } = vpc.selectSubnets({ subnetType: SubnetType.PUBLIC })
    const group = this.#securityGroup(vpc)
    const command = new Asset(this, 'Command', { path: folder })
    let before: RelayHost | undefined
    for (let i = 1; i <= settings.relays; i++) {
      const subnet = subnets[(i - 1) % subnets.length]
      if (subnet === undefined) throw new Error(`Cannot place relays: VPC ${vpc.vpcId} has no public subnet`)
      const relay = new RelayHost(this, `Relay${i}`, {
        ...{ vpc, subnet, group, command },
        name: `relay-${i}`,
        domain: settings.relayDomain,
        hostedZoneId: settings.domain?.hostedZoneId,
        mail: settings.relayMail,
        instanceType: settings.relayInstanceType,
        secretArn: Fn.importValue(`${tokens}-${i}`),
      })
      // One after the other, so that an update leaves agents their standby.
      if (before !== undefined) relay.node.addDependency(before)
      before = relay
    }
    acknowledgeRelayFindings(this)
  }

  #securityGroup(vpc: IVpc): SecurityGroup {
    const group = new SecurityGroup(this, 'RelayGroup', {
      vpc,
      description: 'Agent Mesh relays',
      allowAllOutbound: true,
    })
    const { mesh, tls, certificate, stun, secondStun } = relayPorts
    group.addIngressRule(Peer.anyIpv4(), Port.tcp(mesh), 'Members')
    group.addIngressRule(Peer.anyIpv4(), Port.tcp(tls), 'Members behind firewalls')
    group.addIngressRule(Peer.anyIpv4(), Port.tcp(certificate), 'The authority that signs the certificate')
    group.addIngressRule(
      Peer.anyIpv4(),
      Port.udpRange(stun, secondStun),
      'Members that ask for their address',
    )
    return group
  }
}
