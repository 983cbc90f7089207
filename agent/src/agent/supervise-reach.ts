/** The health of an agent's reach: the check `relay`, and on record what it did to be reachable and to keep the map current. */
import type { Member } from '../member/member.ts'
import { observeReach } from '../observe/state-metrics.ts'
import type { Reachable } from './reachable.ts'

type Reach = Pick<Reachable, 'linkedRelays' | 'followsMap'>

/** Follows the beat of the member's health until the member stops. */
export function superviseReach(
  { health, head, metrics }: Pick<Member, 'health' | 'head' | 'metrics'>,
  reachable: Reach,
): void {
  observeReach(metrics, () => reachable.linkedRelays().length)
  const { checks, beat, recovery } = health
  checks.builtIn('relay', () =>
    head.current.relays.length > 0 && reachable.linkedRelays().length === 0
      ? { level: 'warning', reason: 'no relay is reachable' }
      : { level: 'passing' },
  )
  const nameOf = (peerId: string) =>
    head.current.relays.find(relay => relay.peerId === peerId)?.name ?? peerId
  let home: string | undefined
  let lost = false
  let followed = false
  beat.onBeat(() => {
    const [linked] = reachable.linkedRelays()
    if (linked !== home) {
      if (linked === undefined) recovery.acted('relay-lost', 'searches for a relay: the last one was lost')
      else if (home !== undefined) recovery.acted('relay-moved', `moved to relay ${nameOf(linked)}`)
      else if (lost) recovery.acted('relay-regained', `is reachable again, through relay ${nameOf(linked)}`)
      lost ||= home !== undefined
      home = linked
    }
    if (followed && !reachable.followsMap)
      recovery.acted('map-asked', 'asks the control plane for the map: no relay sends it')
    followed = reachable.followsMap
  })
}
