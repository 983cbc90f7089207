import type { SqlInit } from './dialect.ts'
import type { Place } from './enrolment-rows.ts'
import type { Pairs } from './pairs.ts'
import { run, type Script } from './script.ts'

/** Deletes enrolments with their pair, home and name. */
export const enrolmentEnder = ({ dialect, pairs }: Pick<SqlInit, 'dialect'> & { pairs: Pairs }) => {
  const deletions = ['names', 'homes', 'enrolments'].map(
    table => `DELETE FROM ${table} WHERE ${dialect.isOneOf('peer_id', '$1')}`,
  )
  return function* (...ended: Place[]): Script<void> {
    for (const place of ended) yield* pairs.removeIfPresent(place)
    const peerIds = ended.map(({ peerId }) => peerId)
    for (const deletion of deletions) yield* run(deletion, peerIds)
  }
}

export type EnrolmentEnder = ReturnType<typeof enrolmentEnder>
