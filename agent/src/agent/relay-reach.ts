import type { Member } from '../member/member.ts'
import type { StatusInit } from '../member/views.ts'
import type { Reachable } from './reachable.ts'

/** The relays through which an agent is reached, and what its status warns of where there is none. */
export function relayReach(
  { head, transport }: Pick<Member, 'head' | 'transport'>,
  reachable: Pick<Reachable, 'linkedRelays'>,
): Pick<StatusInit, 'relays' | 'warnings'> {
  const relays = reachable.linkedRelays().map(peerId => {
    const name = head.current.relays.find(relay => relay.peerId === peerId)?.name
    const rttMs = transport.links.best(peerId)?.rttMs
    return {
      peerId,
      reserved: true,
      ...(name === undefined ? {} : { name }),
      ...(rttMs === undefined ? {} : { rttMs }),
    }
  })
  const warnings =
    relays.length > 0 ? [] : ['no relay is reachable: only members that this agent dials know it is here']
  return { relays, warnings }
}
