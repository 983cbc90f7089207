import { CfnOutput, Duration, Fn, Stack, type StackProps } from 'aws-cdk-lib'
import { Peer, Port, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { NetworkLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { Construct } from 'constructs'

import { acknowledgeRelayFindings } from './relay/acknowledged.ts'
import { relayListeners } from './relay/listeners.ts'
import { relayPorts } from './relay/ports.ts'
import { relayService } from './relay/service.ts'
import { relayVpc } from './relay/vpc.ts'
import type { Settings } from './settings.ts'

export interface RelayStackProps extends StackProps {
  settings: Settings
}

/**
 * Relays on Fargate behind a network load balancer. Members dial a relay by its key, so each task tells them its own
 * public address; the load balancer is the fixed address, watches that relays answer, and drains the ones that go.
 */
export class RelayStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: RelayStackProps) {
    super(scope, id, props)
    const vpc = relayVpc(this, settings)
    const group = this.#securityGroup(vpc)
    const balancer = new NetworkLoadBalancer(this, 'LoadBalancer', {
      vpc,
      internetFacing: true,
      crossZoneEnabled: true,
      securityGroups: [group],
    })
    const service = relayService(this, { vpc, group, settings, region: Fn.ref('AWS::Region') })
    relayListeners(balancer, service, settings)
    this.#scale(service, balancer, settings)
    new CfnOutput(this, 'LoadBalancerName', { value: balancer.loadBalancerDnsName })
    acknowledgeRelayFindings(this)
  }

  #securityGroup(vpc: Vpc): SecurityGroup {
    const group = new SecurityGroup(this, 'RelayGroup', {
      vpc,
      description: 'Agent Mesh relays',
      allowAllOutbound: true,
    })
    group.addIngressRule(Peer.anyIpv4(), Port.tcp(relayPorts.mesh), 'Members')
    group.addIngressRule(Peer.anyIpv4(), Port.tcp(relayPorts.tls), 'Members behind firewalls')
    group.addIngressRule(
      Peer.anyIpv4(),
      Port.udpRange(relayPorts.stun, relayPorts.secondStun),
      'Members that ask for their address',
    )
    return group
  }

  /** A relay takes 2,500 reservations; below that CPU is what ends first. */
  #scale(service: FargateService, balancer: NetworkLoadBalancer, { relays }: Settings): void {
    const scaling = service.autoScaleTaskCount({ minCapacity: relays, maxCapacity: Math.max(relays * 4, 4) })
    scaling.scaleToTrackCustomMetric('Connections', {
      metric: balancer.metrics.activeFlowCount({ period: Duration.minutes(1) }),
      targetValue: 2_000,
      // A relay that goes costs its agents their home: slowly.
      scaleInCooldown: Duration.minutes(30),
      scaleOutCooldown: Duration.minutes(2),
    })
    scaling.scaleOnCpuUtilization('Cpu', {
      targetUtilizationPercent: 60,
      scaleInCooldown: Duration.minutes(30),
      scaleOutCooldown: Duration.minutes(2),
    })
  }
}
