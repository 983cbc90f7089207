import { duration, shortPeerId } from '../show/units.ts'
import { onCall, type Register } from './define.ts'

export const registerPeers: Register = (program, finish) => {
  const command = program
    .command('peers')
    .description('the members this process knows: online or not, over which path, how far')
    .addHelpText(
      'after',
      `
The column "says" tells who knows that a peer is online: its own link, the membership protocol, or the lease of its
relay.

Examples:
  $ agent-mesh peers
  $ agent-mesh peers --json | jq '.peers[] | select(.online) | .name'`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const peers = await localClient(settings.data, signal).peers()
    output.result({ peers }, () =>
      output.table(
        ['NAME', 'KIND', 'STATE', 'SAYS', 'PATH', 'ROUND TRIP', 'REGION', 'SERVICES', 'PEER'],
        peers.map(peer => [
          peer.name,
          peer.kind,
          peer.online ? output.style('green', 'online') : output.style('red', 'offline'),
          peer.source,
          peer.path ?? '-',
          peer.rttMs === undefined ? '-' : duration(peer.rttMs),
          peer.region ?? '-',
          peer.services.join(' ') || '-',
          shortPeerId(peer.peerId),
        ]),
      ),
    )
  })
}
