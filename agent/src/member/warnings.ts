/** What is wrong with a member now, in the words of `status`. */
import { limits, type MeshError } from '@agent-mesh/protocol'
import { memberDefaults } from './defaults.ts'
import type { Member } from './member-parts.ts'
import { adviceOf, endText, type Ended } from './membership-end.ts'

/** Most important first. @param own what the kind of member adds */
export function memberWarnings(member: Member, own: readonly string[]): string[] {
  const { credential, head, clock, client, revocations, audit, publisher, clones, serving, store } = member
  const expires = credential.claims.exp * 1000
  const now = clock.now()
  const { issuedAt } = head.current
  return [
    revocations.ownEnd !== undefined && endedWarning(revocations.ownEnd),
    serving.sessions.departing && 'leaving: it finishes what runs and takes nothing new',
    store.warning,
    ...own,
    clockWarning({ now, offset: client.clockOffset, signedAt: newestTime(member) }),
    expires <= now && `the credential expired at ${new Date(expires).toISOString()}`,
    now - issuedAt > memberDefaults.oldHeadMs &&
      'the head is older than a day: policy and revocations may be newer',
    ...clones.warnings,
    credential.void && 'an authority key was revoked: nobody admits this member until it is renewed',
    audit.warning,
    publisher.overdue && !revocations.own && unpublishedWarning(publisher.refusal),
  ].filter(text => typeof text === 'string')
}

/** The newest time that the authority signed and this member knows, unix ms: it has passed. */
export const newestTime = ({ credential, head }: Pick<Member, 'credential' | 'head'>): number =>
  Math.max(credential.claims.iat * 1000, head.current.issuedAt)

const minuteMs = 60_000
/** Certificates of links are valid from an hour before they are made. */
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

function span(ms: number): string {
  if (ms < 10 * minuteMs) return `${Math.round(ms / 1000)} s`
  return ms < 2 * dayMs ? `${Math.round(ms / minuteMs)} min` : `${Math.round(ms / dayMs)} days`
}

/**
 * @param offset time of the control plane minus that of this machine, ms; 0 while that is not known
 * @param signedAt newest time that the authority signed
 */
export function clockWarning(times: { now: number; offset: number; signedAt: number }): string | undefined {
  const { now, offset, signedAt } = times
  const told = Math.abs(offset) > limits.clockSkewMs
  const off = told ? offset : signedAt - now
  if (!told && off <= limits.clockSkewMs) return undefined
  const side = off < 0 ? 'ahead of' : 'behind'
  const other = told ? 'that of the control plane' : 'the newest document that the control plane signed'
  const refused = Math.abs(off) > hourMs ? ': members refuse each other for it until it is set' : ''
  return `the clock of this machine is ${span(Math.abs(off))} ${side} ${other}${refused}`
}

function unpublishedWarning(refusal: MeshError | undefined): string {
  const { message = '', hint } = refusal?.told === true ? refusal : {}
  const why = message === '' ? '' : `: ${message}${hint === undefined ? '' : ` (${hint})`}`
  return `the control plane has not yet taken the newest member record${why}`
}

export const endedWarning = (ended: Ended): string =>
  `this member ${endText(ended)}: members refuse it. ${adviceOf(ended.how)}`
