import { Validations } from 'aws-cdk-lib'
import { Peer, Port, SecurityGroup, type IVpc } from 'aws-cdk-lib/aws-ec2'
import type { Construct } from 'constructs'

import { relayPorts } from './ports.ts'

/** Opens the public ports of relays: TCP 4001, 443 and 80 (for the certificate), UDP 3478 and 3479 (STUN). */
export function relaySecurityGroup(scope: Construct, id: string, vpc: IVpc): SecurityGroup {
  const group = new SecurityGroup(scope, id, {
    vpc,
    description: 'Agent Mesh relays',
    allowAllOutbound: true,
  })
  const { mesh, tls, certificate, stun, secondStun } = relayPorts
  const anyone = Peer.anyIpv4()
  group.addIngressRule(anyone, Port.tcp(mesh), 'Members')
  group.addIngressRule(anyone, Port.tcp(tls), 'Members behind firewalls')
  group.addIngressRule(anyone, Port.tcp(certificate), 'The authority that signs the certificate')
  group.addIngressRule(anyone, Port.udpRange(stun, secondStun), 'Members that ask for their address')
  Validations.of(group).acknowledge({
    id: 'AwsSolutions::AwsSolutions-EC23',
    reason: 'Relays are public: members of any network dial them, and are let in by their credentials alone.',
  })
  return group
}
