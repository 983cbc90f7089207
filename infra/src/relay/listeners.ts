import { Duration } from 'aws-cdk-lib'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { Protocol, type NetworkLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { Protocol as TaskProtocol } from 'aws-cdk-lib/aws-ecs'

import { relayPorts } from './ports.ts'
import type { Settings } from '../settings.ts'

/** Connections of a relay that goes may stay so long: its agents have moved to their standby by then. */
const drain = Duration.minutes(2)

/** TCP 4001; 443 for firewalls (TLS ended here with a certificate, else passed through to the relay's own); UDP 3478 and 3479. */
export function relayListeners(
  balancer: NetworkLoadBalancer,
  service: FargateService,
  settings: Settings,
): void {
  const { relayCertificateArn } = settings
  const target = (containerPort: number, protocol: TaskProtocol) =>
    service.loadBalancerTarget({ containerName: 'relay', containerPort, protocol })
  // Whoever answers on the mesh's port is alive: UDP has no answer to wait for.
  const healthCheck = {
    protocol: Protocol.TCP,
    port: String(relayPorts.mesh),
    interval: Duration.seconds(10),
  }
  const common = { deregistrationDelay: drain, healthCheck }

  balancer.addListener('Mesh', { port: relayPorts.mesh, protocol: Protocol.TCP }).addTargets('Mesh', {
    ...common,
    port: relayPorts.mesh,
    targets: [target(relayPorts.mesh, TaskProtocol.TCP)],
  })
  balancer
    .addListener('Tls', {
      port: relayPorts.tls,
      ...(relayCertificateArn === undefined
        ? { protocol: Protocol.TCP }
        : { protocol: Protocol.TLS, certificates: [{ certificateArn: relayCertificateArn }] }),
    })
    .addTargets('Tls', {
      ...common,
      port: relayPorts.mesh,
      protocol: Protocol.TCP,
      targets: [target(relayPorts.mesh, TaskProtocol.TCP)],
    })
  // Two ports, so that who asks both learns how its NAT maps.
  for (const [id, port] of [
    ['Stun', relayPorts.stun],
    ['SecondStun', relayPorts.secondStun],
  ] as const)
    balancer.addListener(id, { port, protocol: Protocol.UDP }).addTargets(id, {
      ...common,
      port,
      protocol: Protocol.UDP,
      targets: [target(port, TaskProtocol.UDP)],
    })
}
