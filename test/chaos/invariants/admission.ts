/** C7, C8: what a revocation and a join token are promised to do. */
import { eventsOf, type History } from '../history.ts'
import type { WorldLog } from '../world-log.ts'
import { pairs } from './calls.ts'

/** A revocation is in force everywhere by then, ms. */
export const revokedMs = 5_000

/**
 * C7: no call by a revoked member, or to it, is answered by another that begins 5 s after the revocation, and as much later as the
 * machine was late until then.
 */
export function revokedAreRefused(history: History, log: WorldLog): string[] {
  const revoked = eventsOf(history, 'revoke').filter(({ type }) => type === 'ok')
  return revoked.flatMap(({ at, value: { who } }) => {
    const due = at + revokedMs + log.delayed(at, at + revokedMs)
    return pairs(history).flatMap(({ begun, ended: [end] }) => {
      const { process, id, at: begunAt } = begun
      const by = end?.value.by
      if (end?.type !== 'ok' || begunAt <= due || (process !== who && by !== who)) return []
      // What it asks of itself crosses no link.
      if (process === by) return []
      return [`call ${id} of ${process} was answered by ${by}, ${begunAt - at} ms after ${who} was revoked`]
    })
  })
}

/** C8: a token admits no more than its uses, and the store counts each that was admitted. */
export function tokensAreCounted(history: History): string[] {
  return eventsOf(history, 'redeemed').flatMap(({ id, value: { used, uses } }) => {
    const joins = eventsOf(history, 'join').filter(each => each.id?.startsWith(`${id}/`) === true)
    const admitted = joins.filter(({ type }) => type === 'ok').length
    const unknown = joins.filter(({ type }) => type === 'info').length
    if (admitted > uses) return [`token ${id} admitted ${admitted} and has ${uses} uses`]
    return used < admitted || used > Math.min(uses, admitted + unknown)
      ? [`token ${id} counts ${used} uses, admitted ${admitted}, unknown ${unknown}`]
      : []
  })
}
