/** Events that make a member sign or publish its record anew: of its services, its credential, the map and the clock. */
import { isRemoval, type MapChange } from '@agent-mesh/protocol'
import { after } from '../observe/clock.ts'
import { memberDefaults } from './defaults.ts'
import type { Member } from './member-parts.ts'

type Own = Pick<
  Member,
  'identity' | 'credential' | 'map' | 'publisher' | 'clones' | 'serving' | 'clock' | 'clockWatch' | 'log'
>

/** Listens to all of it. @returns how to stop what waits */
export function followOwnRecord(own: Own): () => void {
  const { identity, map, publisher, clones, credential, serving, log } = own
  const { registry } = serving
  const orLog = (told: Promise<void>, text: string) =>
    void told.catch((err: unknown) => log.error({ event: 'record-change-not-published', err }, text))
  registry.onChange(() =>
    orLog(publisher.update({ services: registry.refs }), 'services not told in the member record'),
  )
  credential.onRenewed(({ wasVoid }) => {
    // Others hold the pair with the void credential: only a new record makes them accept the new one.
    if (wasVoid) orLog(publisher.again(), 'renewed credential not published')
  })
  publisher.onOutdone(incarnation => clones.own(identity.peerId, incarnation))
  publisher.onAlone(() => clones.alone())
  map.onChange(() => publisher.sees(map.get(identity.peerId)?.record.incarnation ?? 0))
  map.onChange(changes => {
    if (removed(changes, own)) orLog(publisher.again(), 'not back in the map')
  })
  map.onChange(followClaims(own))
  followClock(own)
  return tellAgain(own)
}

/** Whether this member was removed as offline: a member that learns of it still runs, and publishes anew. */
const removed = (
  changes: readonly MapChange[],
  { identity, credential }: Pick<Member, 'identity' | 'credential'>,
): boolean =>
  changes.some(
    change =>
      isRemoval(change) && change.peerId === identity.peerId && change.gone === credential.claims.serial,
  )

/** An admin changed name, tags or region of this member: the map has its new credential before it has it itself. */
function followClaims({
  identity: { peerId },
  credential,
  map,
}: Own): (changes: readonly MapChange[]) => void {
  let asked = ''
  return changes => {
    if (!changes.some(change => change.peerId === peerId)) return
    const listed = map.get(peerId)?.credential
    const { serial, iat, jti } = credential.claims
    if (listed?.serial !== serial || listed.jti === jti || listed.iat < iat || listed.jti === asked) return
    // Once for each: a map that shows an old one must not make this member ask at every change.
    asked = listed.jti
    credential.refresh()
  }
}

/**
 * A map that is to be read anew may be that of a restored control plane, which has an older record of this member, or knows it no
 * more: the record is published again, at a random time to spread the load. @returns how to stop
 */
function tellAgain({ map, publisher, clock }: Own): () => void {
  let cancel = () => {}
  const unlisten = map.onRestart(() => {
    cancel()
    cancel = after(clock, Math.random() * memberDefaults.tellAgainMs, () => publisher.tellAgain())
  })
  return () => {
    unlisten()
    cancel()
  }
}

/** Once the clock is set, what its wrong time made this member refuse is accepted, and what others refused is signed anew. */
function followClock({ map, credential, publisher, clockWatch, log }: Own): void {
  clockWatch.onSet(ms => {
    log.warn(
      { event: 'clock-jumped', ms: Math.round(ms) },
      'the clock of this machine was set, or the machine slept',
    )
    credential.look()
    Promise.all([publisher.clockSet(), map.clockSet()]).catch((err: unknown) =>
      log.error({ event: 'clock-not-followed', err }, 'the clock was set, and not all followed it'),
    )
  })
}
