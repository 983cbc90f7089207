/** Why a call went where it went, for people. */
import { callExplanationSchema, type CallExplanation } from '@agent-mesh/protocol/call-explanation'

import type { Output } from './output.ts'
import { duration } from './units.ts'

type Try = CallExplanation['tries'][number]

/** @param details of an error of the local socket */
export function explanationIn(details: Record<string, unknown> | undefined): CallExplanation | undefined {
  const read = callExplanationSchema.safeParse(details?.['explanation'])
  return read.success ? read.data : undefined
}

/** Its tries, then what was known of each provider before each of them. */
export function explanationText({ service, tries, ms }: CallExplanation, output: Output): string[] {
  if (tries.length === 0) return [`No member was asked (${duration(ms)}).`]
  const rows = tries.map((each, at) => [
    each.beside === undefined ? String(at + 1) : `${at + 1} ${each.beside}`,
    nameOf(each),
    each.path ?? '-',
    duration(each.chosenMs),
    each.connectMs === undefined ? '-' : duration(each.connectMs),
    each.answerMs === undefined ? '-' : duration(each.answerMs),
    outcomeOf(each),
  ])
  return [
    `${service}: ${tries.length === 1 ? '1 try' : `${tries.length} tries`}, ${duration(ms)}`,
    output.table(['TRY', 'MEMBER', 'PATH', 'CHOSEN AFTER', 'CONNECT', 'ANSWER', 'RESULT'], rows),
    '',
    output.table(
      ['TRY', 'PROVIDER', 'SCORE', 'IN FLIGHT', 'WHY'],
      tries.flatMap(({ candidates }, at) =>
        candidates.map(candidate => [
          String(at + 1),
          nameOf(candidate),
          `${candidate.estimated === true ? '~' : ''}${candidate.score.toFixed(1)}`,
          String(candidate.inFlight),
          candidate.rejected === undefined ? 'asked' : `not asked: ${candidate.rejected}`,
        ]),
      ),
    ),
  ]
}

const nameOf = ({ name, peerId }: { name?: string | undefined; peerId: string }): string => name ?? peerId

const outcomeOf = ({ code, message }: Try): string => {
  if (code === undefined) return 'another try answered first'
  return message === undefined ? code : `${code}: ${message}`
}
