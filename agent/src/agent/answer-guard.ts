import { endOf } from '@agent-mesh/protocol'
import type { Member } from '../member/member.ts'
import type { AnswerGuard } from '../services/cache/answer-guard.ts'

/** What may be answered from the cache, by the head that this member knows. */
export function answerGuard({
  credential,
  clock,
  head,
  map,
  revocations,
  serving,
  transport,
}: Pick<
  Member,
  'credential' | 'clock' | 'head' | 'map' | 'revocations' | 'serving' | 'transport'
>): AnswerGuard {
  return {
    allows: target => {
      const { claims } = credential
      const isMember = !revocations.own && claims.exp * 1000 > clock.now()
      return isMember && serving.allows(claims, target)
    },
    originOf: peerId => {
      const known = peerId === undefined ? undefined : (transport.links.best(peerId)?.peer ?? map.get(peerId))
      return { peerId, serial: known?.credential.serial, revocations: head.current.numbers.revocations }
    },
    trusts: ({ peerId, serial = '', revocations: number }) => {
      const { numbers, revocations: list } = head.current
      return peerId === undefined
        ? numbers.revocations === number
        : endOf(list, { peerId, serial }) === undefined
    },
  }
}
