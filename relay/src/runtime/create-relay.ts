/** How a relay comes to be: all of it or nothing. */
import {
  checkNames,
  createLogger,
  openMember,
  parseMemberOptions,
  throwIfCancelled,
  type Link,
  type Member,
  type MemberInit,
  type StartOptions,
} from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { circuitServer, trafficDefaults, type TrafficLimits } from '../circuit/index.ts'
import { openStun, type StunChoice } from '../stun/open-stun.ts'
import { stunAddresses, type StunServer } from '../stun/stun-server.ts'
import { Relay } from './relay.ts'

export interface RelayOptions extends StartOptions {
  /** How often head and map are polled beside the watch, ms. @default 60 s */
  pollMs?: number
  /** Where it answers STUN. @default nowhere */
  stun?: StunChoice
  /** What members may send through it. */
  traffic?: Partial<TrafficLimits>
}

/**
 * Starts a relay; the first start needs a join token with the role `relay`. When it rejects, nothing is left running or open.
 * @throws MeshError invalid_argument, also for an option that there is not; conflict while another process owns the data
 * folder; token_invalid, permission_denied without the role, unavailable; cancelled when `signal` aborts
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const settings = parseMemberOptions(options, ['pollMs', 'stun', 'traffic'])
  checkNames(options.stun, ['port', 'optional'], 'stun.')
  checkNames(options.traffic, Object.keys(trafficDefaults), 'traffic.')
  throwIfCancelled(options.signal)
  if (settings.listen.length === 0)
    throw new MeshError('invalid_argument', 'Cannot start relay: it has no address to listen on', {
      hint: 'Pass --listen /ip4/0.0.0.0/tcp/4001.',
    })
  const log = options.log ?? createLogger('agent-mesh-relay')
  const circuit = circuitServer({
    ...(options.traffic === undefined ? {} : { traffic: options.traffic }),
    onSpent: (reason, peerId) =>
      log.warn({ reason, peerId }, 'circuit ended: the day of this member is used up'),
    onDenied: (reason, peerId) => {
      log.info({ reason, peerId }, 'circuit or reservation denied')
      parts.member?.audit.unserved(peerId, reason)
    },
  })
  const parts: { relay?: Relay; member?: Member; stun?: StunServer | undefined } = {}
  const transport = {
    relay: circuit.relay,
    keep: (link: Link) => circuit.keep(link) || (parts.relay?.keeps(link) ?? false),
    options: { maxLinks: circuit.limits.maxLinks },
  }
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const clock = options.clock === undefined ? {} : { clock: options.clock }
  const beforeStart = circuit.attach
  const alsoListed = (addrs: readonly string[]) => stunAddresses(addrs, parts.stun?.ports ?? [])
  const restProbes: MemberInit['restProbes'] = {
    paceMs: ({ peer }) => parts.relay?.restProbeMs(peer.peerId),
    jointly: false,
  }
  const hooks = { transport, alsoListed, beforeStart, restProbes }
  // Before joining: a port that is taken should cost no token.
  const stun = (parts.stun = await openStun(options.stun, log))
  try {
    const member = await openMember({
      role: 'relay',
      settings,
      folder: options.folder,
      log,
      ...hooks,
      ...signal,
      ...clock,
    })
    parts.member = member
    const relay = (parts.relay = new Relay({ member, circuit, stun, pollMs: options.pollMs }))
    await relay.start()
    throwIfCancelled(options.signal)
    return relay
  } catch (error) {
    await parts.relay?.stop()
    await stun?.stop()
    await parts.member?.stop()
    throw error
  }
}
