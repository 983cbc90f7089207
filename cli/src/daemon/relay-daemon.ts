import { MeshError } from '@agent-mesh/protocol'
import { createRelay, type Relay, type TrafficLimits } from '@agent-mesh/relay'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { commandDefaults } from '../defaults.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { daemonLog } from './daemon-log.ts'
import { otherNameText } from './given-name.ts'
import { memberOptions, type MemberFlags } from './options.ts'
import { liveLogLevel } from './reload.ts'
import type { StartedDaemon } from './run-daemon.ts'

export interface RelayFlags extends MemberFlags {
  stunPort?: number
  /** MiB a second and GiB a day, 0: no limit. */
  memberRate?: number
  memberDaily?: number
  totalRate?: number
  totalDaily?: number
}

/** Starts a relay. @throws MeshError */
export async function startRelayDaemon(flags: RelayFlags): Promise<StartedDaemon> {
  const log = daemonLog('relay', flags)
  const relay = await createRelay({
    ...(await memberOptions(flags)),
    log,
    ...stunOf(flags),
    traffic: trafficOf(flags),
  })
  const { peerId, name, meshId, addresses, askedName } = relay
  return {
    local: localRelay(relay),
    metrics: () => relay.metrics(),
    ready: {
      fields: { peerId, name, meshId, addresses, askedName },
      text: (output, context) => whatNext(relay, output, context),
    },
    live: liveLogLevel(log),
    stop: () => relay.stop(),
  }
}

/** A requested port must be free; the default one may belong to another relay of this machine. */
const stunOf = ({ stunPort }: RelayFlags) =>
  stunPort === 0
    ? {}
    : { stun: { port: stunPort ?? commandDefaults.stunPort, optional: stunPort === undefined } }

const mib = 1024 ** 2

/** A burst is two seconds of a rate. */
function trafficOf({ memberRate, memberDaily, totalRate, totalDaily }: RelayFlags): Partial<TrafficLimits> {
  return {
    ...(memberRate !== undefined && {
      memberBytesPerSecond: memberRate * mib,
      memberBurstBytes: 2 * memberRate * mib,
    }),
    ...(memberDaily !== undefined && { memberBytesPerDay: memberDaily * 1024 * mib }),
    ...(totalRate !== undefined && {
      totalBytesPerSecond: totalRate * mib,
      totalBurstBytes: 2 * totalRate * mib,
    }),
    ...(totalDaily !== undefined && { totalBytesPerDay: totalDaily * 1024 * mib }),
  }
}

const whatNext = (
  { name, peerId, meshId, addresses, askedName }: Relay,
  output: Output,
  flags: string,
): Text => [
  `${output.style('green', `Relay ${name} is up`)} in mesh ${meshId}.`,
  ...otherNameText(askedName, name),
  `peer id    ${peerId}`,
  `announces  ${addresses.join(', ')}`,
  '',
  `From another terminal: agent-mesh${flags} status, peers, services, ping. Ctrl-C stops the relay.`,
]

function localRelay(relay: Relay): LocalDaemon {
  return {
    status: () => relay.status(),
    peers: () => relay.peers(),
    services: () => relay.services(),
    call: () => notHere('call'),
    callAll: () => notHere('call'),
    ping: async ({ peer, timeoutMs }) =>
      await relay.ping(peer, timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    path: () => notHere('show a path'),
  }
}

function notHere(action: string): Promise<never> {
  const message = `Cannot ${action}: a relay runs in this context, and relays make no calls`
  return Promise.reject(
    new MeshError('unsupported', message, { hint: 'Name the context of an agent with --context NAME.' }),
  )
}
