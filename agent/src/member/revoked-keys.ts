/** Ends the links of peers that a revoked authority key admitted: with a stolen one, credentials can be signed for any peer. */
import { MeshError, type KeyChain } from '@agent-mesh/protocol'
import { signedByRevoked } from '../discovery/credential-keeper.ts'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'

/** From now on, for all links: members reconnect with a renewed credential. */
export function endLinksOfRevokedKeys(
  links: Pick<LinkTable, 'all' | 'onUp' | 'disconnect'>,
  head: Pick<HeadKeeper, 'current' | 'onChange'>,
): void {
  head.onChange(({ keys }) => {
    if (keys.authorities.some(({ revoked }) => revoked)) for (const link of links.all()) endIfVoid(link, keys)
  })
  // Admitted by the keys of a moment ago, while the next ones came.
  links.onUp(link => endIfVoid(link, head.current.keys))

  function endIfVoid({ peer }: Link, keys: KeyChain): void {
    if (!signedByRevoked(peer.signed.credential, keys)) return
    const reason = `Cannot keep the link to ${peer.credential.name}: its credential is signed by a revoked authority key`
    links.disconnect(peer.peerId, new MeshError('unauthenticated', reason))
  }
}
