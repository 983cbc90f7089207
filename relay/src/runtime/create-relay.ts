/** Starts a relay: all of it or nothing. */
import {
  checkNames,
  createLogger,
  openMember,
  parseMemberOptions,
  placedSettings,
  refuseEnded,
  throwIfCancelled,
  type Member,
  type StartOptions,
} from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { circuitServer, trafficDefaults, type CircuitServer, type TrafficLimits } from '../circuit/index.ts'
import { openStun, type StunChoice } from '../stun/open-stun.ts'
import { stunAddresses } from '../stun/stun-server.ts'
import { Relay } from './relay.ts'

export interface RelayOptions extends StartOptions {
  /** How often head and map are polled beside the watch, ms. @default 60 s */
  pollMs?: number
  /** How often it looks whether the load of its agents is worth a report, ms. @default 30 s */
  reportLoadMs?: number
  /** How often an agent that follows the map gets a sign of life, ms, 1 s to 1 h. @default 60 s */
  mapBeatMs?: number
  /** A watch of the control plane that was silent for so long is opened again, ms. @default 11 min */
  watchSilenceMs?: number
  /** Where it answers STUN. @default nowhere */
  stun?: StunChoice
  /** What members may send through it. */
  traffic?: Partial<TrafficLimits>
}

/**
 * Starts a relay; the first start needs a join token with the role `relay`. When it rejects, nothing is left running or open.
 * @throws MeshError invalid_argument, also for an option that there is not; conflict while another process owns the data
 * folder; token_invalid; revoked or unauthenticated when its membership ended; permission_denied without the role, unavailable; cancelled when `signal` aborts
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const given = parseMemberOptions(options, [
    'pollMs',
    'reportLoadMs',
    'mapBeatMs',
    'watchSilenceMs',
    'stun',
    'traffic',
  ])
  const settings = await placedSettings(given, { signal: options.signal })
  checkNames(options.stun, ['port', 'optional'], 'stun.')
  checkNames(options.traffic, Object.keys(trafficDefaults), 'traffic.')
  throwIfCancelled(options.signal)
  if (settings.listen.length === 0)
    throw new MeshError('invalid_argument', 'Cannot start relay: it has no address to listen on', {
      hint: 'Pass --listen /ip4/0.0.0.0/tcp/4001.',
    })
  const log = options.log ?? createLogger('agent-mesh-relay', 'warn')
  const onError = (err: unknown) =>
    log.error({ event: 'listener-failed', err }, 'a listener of the circuits failed')
  const circuit = circuitServer({
    ...(options.traffic === undefined ? {} : { traffic: options.traffic }),
    onError,
  })
  // Before joining: a port in use should not use up the token.
  const stun = await openStun(options.stun, log)
  const undo: (() => Promise<void>)[] = [async () => stun?.stop()]
  try {
    const member = await openMember({
      role: 'relay',
      settings,
      folder: options.folder,
      log,
      transport: { relay: circuit.relay, options: { maxLinks: circuit.limits.maxLinks } },
      alsoListed: addrs => stunAddresses(addrs, stun?.ports ?? []),
      signal: options.signal,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    })
    undo.push(() => member.stop())
    followCircuits(circuit, member)
    const relay = new Relay({
      ...{ member, circuit, stun },
      ...{ pollMs: options.pollMs, reportLoadMs: options.reportLoadMs },
      ...{ mapBeatMs: options.mapBeatMs, watchSilenceMs: options.watchSilenceMs },
    })
    undo.unshift(() => relay.stop())
    await member.start(options.signal)
    const { asked } = await relay.start()
    await refuseEnded(member, { asked, limitMs: settings.answer })
    throwIfCancelled(options.signal)
    return relay
  } catch (error) {
    for (const stop of undo) await stop()
    throw error
  }
}

/** The circuits follow the links of their relay; what they refuse is logged and audited. */
function followCircuits(circuit: CircuitServer, { transport, audit, log }: Member): void {
  circuit.attach(transport)
  circuit.onSpent(({ reason, peerId }) =>
    log.warn(
      { event: 'circuit-quota-used', reason, peerId },
      'circuit ended: the day of this member is used up',
    ),
  )
  circuit.onDenied(({ reason, peerId }) => {
    log.info({ event: 'circuit-denied', reason, peerId }, 'circuit or reservation denied')
    audit.unserved(peerId, reason)
  })
}
