/** Links without a network, for specs of decisions about links. */
import { LinkTable } from '../links/link-table.ts'
import { Link } from '../links/link.ts'

/** @param peer as from hello, its peer id at least @param dialler peer id of the end that dialled */
export function bareLink(
  peer: Partial<Link['peer']> & { peerId: string },
  remoteAddr = '/ip4/127.0.0.1/tcp/1',
  dialler = 'self',
): Link {
  const link: Link = new Link({
    id: `${peer.peerId} ${remoteAddr}`,
    peer: peer as Link['peer'],
    remoteAddr,
    dialler,
    openedAt: performance.now(),
    rttMs: undefined,
    stream: {} as Link['stream'],
    io: {
      openStream: () => Promise.reject(new Error('a bare link opens no stream')),
      openDuplex: () => Promise.reject(new Error('a bare link opens no stream')),
      otherStreams: () => 0,
      carried: () => 0,
      close: () => Promise.resolve(),
      abort: error => link.markDown(error),
    },
  })
  return link
}

/** The table of a member whose peer id is `self`. A listener that throws fails its test. */
export const bareTable = (self = 'self'): LinkTable =>
  new LinkTable({
    self,
    maxLinks: 10,
    idleMs: 60_000,
    now: () => performance.now(),
    retire: () => Promise.resolve(),
    onError: error => {
      throw error
    },
  })
