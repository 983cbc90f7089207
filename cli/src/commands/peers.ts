import type { LocalPeer } from '@agent-mesh/protocol/local-api'

import type { Output } from '../show/output.ts'
import { roundTripText } from '../show/round-trip.ts'
import { duration } from '../show/units.ts'
import { showOnceOrWatch, watchOption, type WatchOptions } from '../show/watch.ts'
import { onCall, type Register } from './define.ts'

export const registerPeers: Register = (program, finish) => {
  const command = program
    .command('peers')
    .description('list members with their state, path and round trip')
    .addOption(watchOption('2s'))
    .addHelpText(
      'after',
      `
SOURCE tells how this process knows the state of a member: by its own link, by the membership protocol (swim), or by the
lease of the member's relay. "offline 5 min" means last seen 5 minutes ago.

Examples:
  $ agent-mesh peers
  $ agent-mesh peers --watch 5s
  $ agent-mesh peers --json | jq '.peers[] | select(.online) | .name'`,
    )
  onCall<WatchOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const client = localClient(settings.data, signal)
    await showOnceOrWatch({ settings, output, signal, every: options.watch }, async () => {
      const peers = await client.peers()
      return { value: { peers }, text: () => peersText(peers, output) }
    })
  })
}

const peersText = (peers: readonly LocalPeer[], output: Output): string =>
  output.table(
    ['NAME', 'KIND', 'STATE', 'SOURCE', 'PATH', 'ROUND TRIP', 'REGION', 'SERVICES', 'PEER ID'],
    peers.map(peer => [
      peer.name,
      peer.kind,
      stateText(peer, output),
      peer.source,
      peer.path ?? '-',
      roundTripText(peer),
      peer.region ?? '-',
      peer.services.join(' ') || '-',
      peer.peerId,
    ]),
  )

const stateText = ({ online, lastSeen }: LocalPeer, output: Output): string => {
  if (online) return output.style('green', 'online')
  const since = lastSeen === undefined ? '' : ` ${duration(Math.max(0, Date.now() - lastSeen))}`
  return output.style('red', `offline${since}`)
}
