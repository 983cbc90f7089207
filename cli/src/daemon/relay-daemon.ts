import { createLogger } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { createRelay, type Relay } from '@agent-mesh/relay'

import type { LocalDaemon } from '../local/local-daemon.ts'
import type { Output } from '../show/output.ts'
import { memberOptions, type MemberFlags } from './options.ts'
import type { StartedDaemon } from './run-daemon.ts'

/** Starts a relay. @throws MeshError */
export async function startRelayDaemon(flags: MemberFlags): Promise<StartedDaemon> {
  const log = createLogger('relay', flags.logLevel)
  const relay = await createRelay({ ...memberOptions(flags), log })
  const { peerId, name, meshId, addresses } = relay
  return {
    local: localRelay(relay),
    metrics: () => relay.metrics(),
    ready: { fields: { peerId, name, meshId, addresses }, text: output => whatNext(relay, output) },
    stop: () => relay.stop(),
  }
}

const whatNext = ({ name, peerId, meshId, addresses }: Relay, output: Output): string =>
  [
    `${output.style('green', `${name} relays`)} for mesh ${meshId}.`,
    `peer id  ${peerId}`,
    `told to members: ${addresses.join(', ')}`,
    '',
    'Ask it from another terminal: agent-mesh status, peers. Ctrl-C stops it.',
  ].join('\n')

function localRelay(relay: Relay): LocalDaemon {
  return {
    status: () => relay.status(),
    peers: () => relay.peers(),
    services: () => relay.services(),
    call: () => notHere(),
    callAll: () => notHere(),
    ping: async ({ peer, timeoutMs }) =>
      await relay.ping(peer, timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    path: () => notHere(),
  }
}

function notHere(): Promise<never> {
  const message = 'Cannot call: a relay runs in this context, and relays call nobody'
  return Promise.reject(
    new MeshError('unsupported', message, { hint: 'Ask the context of an agent: --context NAME.' }),
  )
}
