/** The health of an agent's reach: the check `relay`, and on record what it did to be reachable and to keep the map current. */
import type { Member } from '../member/member.ts'
import { observeReach } from '../observe/state-metrics.ts'
import type { Reachable } from './reachable.ts'

type Reach = Pick<Reachable, 'linkedRelays' | 'followsMap'>

/** Looks whenever the check `relay` is read: at each beat of the health, and for each `status`, so that no status shows a loss that is not on record. */
export function superviseReach(
  { health, head, metrics }: Pick<Member, 'health' | 'head' | 'metrics'>,
  reachable: Reach,
): void {
  observeReach(metrics, () => reachable.linkedRelays().length)
  const { checks, recovery } = health
  const nameOf = (peerId: string) =>
    head.current.relays.find(relay => relay.peerId === peerId)?.name ?? peerId
  let home: string | undefined
  let lost = false
  let followed = false
  const noteHome = (linked: string | undefined) => {
    if (linked === home) return
    if (linked === undefined) recovery.acted('relay-lost', 'searches for a relay: the last one was lost')
    else if (home !== undefined) recovery.acted('relay-moved', `moved to relay ${nameOf(linked)}`)
    else if (lost) recovery.acted('relay-regained', `is reachable again, through relay ${nameOf(linked)}`)
    lost ||= home !== undefined
    home = linked
  }
  const noteMap = (follows: boolean) => {
    if (followed && !follows)
      recovery.acted('map-asked', 'asks the control plane for the map: no relay sends it')
    followed = follows
  }
  checks.builtIn('relay', () => {
    const [linked] = reachable.linkedRelays()
    noteHome(linked)
    noteMap(reachable.followsMap)
    return head.current.relays.length > 0 && linked === undefined
      ? { level: 'warning', reason: 'no relay is reachable' }
      : { level: 'passing' }
  })
}
