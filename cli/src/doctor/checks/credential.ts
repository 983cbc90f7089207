import { endedAs, endText, type Ended } from '@agent-mesh/agent/member/membership-end'
import { credentialDays, type CredentialClaims } from '@agent-mesh/protocol/credential'
import { MeshError } from '@agent-mesh/protocol/errors'
import { limits } from '@agent-mesh/protocol/limits'
import type { MembershipEnd } from '@agent-mesh/protocol/revocation-list'

import { duration } from '../../show/units.ts'
import { fail, ok, warn, type Check, type Finding } from '../finding.ts'
import type { Facts } from '../facts.ts'

const dayMs = 24 * 3600_000
const date = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

const joinAnew = (flags: string) =>
  `Join with a new token: agent-mesh${flags} up --join TOKEN, or relay (an admin makes one: agent-mesh token create).`

/** The key: the peer id of this member. */
export const identity: Check = {
  name: 'key',
  look: ({ member }) => {
    if (member === undefined) return undefined
    const { identity: found } = member
    return found instanceof MeshError
      ? fail(found.message, found.hint ?? 'Restore the file from a backup, or join anew in another folder.')
      : ok(found.peerId)
  },
}

/** Missing, damaged, expired, not yet valid or running out. */
export const credential: Check = {
  name: 'credential',
  look: ({ kind, member, now, flags, left }) => {
    if (kind === 'admin' || kind === 'control-plane') return undefined
    const claims = member?.credential
    if (left !== undefined)
      return fail(`none: this folder left mesh ${left.meshId} at ${left.at}`, joinAnew(flags))
    if (claims === undefined) return fail('missing: this folder never joined a mesh', joinAnew(flags))
    if (claims instanceof MeshError) return fail(claims.message, claims.hint ?? joinAnew(flags))
    return timeOf(claims, now, flags)
  },
}

function timeOf({ iat, exp }: CredentialClaims, now: number, flags: string): Finding {
  const [issued, expires] = [iat * 1000, exp * 1000]
  const left = expires - now
  if (issued > now + limits.futureMs)
    return fail(
      `not yet valid: issued at ${date(issued)}, in ${duration(issued - now)} by the clock of this machine`,
      'Set the clock of this machine: no member accepts the credential before then.',
    )
  if (left <= 0) return expired(expires, now, flags)
  const due = issued + credentialDays.renewFrom * dayMs
  if (now > due + dayMs)
    return warn(
      `nearly expired: ends in ${duration(left)} (${date(expires)}), was to be renewed from ${date(due)} on`,
      `A running agent renews it by itself, each hour, as soon as the control plane answers: see that it does, and that the agent runs (agent-mesh${flags} status).`,
    )
  return ok(`valid for ${duration(left)}, renewed by itself from ${date(due)} on`)
}

function expired(expires: number, now: number, flags: string): Finding {
  const found = `expired ${duration(now - expires)} ago (${date(expires)}): other members refuse this one`
  const until = expires + credentialDays.grace * dayMs
  if (now > until) return fail(`${found}, and cannot be renewed since ${date(until)}`, joinAnew(flags))
  return fail(
    found,
    `The key alone renews it until ${date(until)}: start the agent (agent-mesh${flags} up) with the control plane in reach, and it is renewed at once.`,
  )
}

/** The state of this key at the control plane. */
export const enrolment: Check = {
  name: 'enrolment',
  look: facts => {
    const told = facts.controlPlane?.self
    const ended = listedEnd(facts)
    if (ended !== undefined)
      return fail(`${ended.how}: this member ${endText(ended)}`, adviceFor(ended.how, facts.flags))
    if (told === undefined) return undefined
    if (!(told instanceof MeshError))
      return ok(
        facts.kind === 'admin'
          ? 'in force: the control plane answers to this key as to an admin'
          : 'in force, says the control plane',
      )
    if (told.code === 'revoked') return unlisted(facts)
    const how = told.details?.['ended']
    if (how === 'removed' || how === 'replaced')
      return fail(`${how}, says the control plane: this member ${endText({ how })}`, joinAnew(facts.flags))
    if (told.code === 'unauthenticated') return fail(told.message, told.hint ?? joinAnew(facts.flags))
    return warn(told.message, told.hint ?? 'Try again.')
  },
}

/** A revoked key is refused permanently; any other may join again from its folder. */
const adviceFor = (how: MembershipEnd, flags: string): string =>
  how === 'revoked'
    ? `Ask an admin why. To come back, move the folder away and ${joinAnew(flags).replace('Join', 'join')}`
    : `The key may join again. ${joinAnew(flags)}`

const unlisted = ({ kind, flags }: Facts): Finding =>
  kind === 'member'
    ? fail(
        'revoked, says the answer of the control plane; its signed list does not name this key',
        `Ask an admin: the list forgets after some weeks, and over plain http an attacker on the path may have forged the answer. ${adviceFor('revoked', flags)}`,
      )
    : fail(
        'revoked: the control plane refuses this key of an admin',
        'Ask another admin for a context of the mesh: agent-mesh context export there, context import here.',
      )

/** This member in the newest known list of revocations. */
function listedEnd({ member, controlPlane }: Facts): Ended | undefined {
  const key = member?.identity
  const claims = member?.credential
  if (key === undefined || key instanceof MeshError) return undefined
  const answer = controlPlane?.answer
  const serial = claims === undefined || claims instanceof MeshError ? '' : claims.serial
  for (const head of [answer instanceof MeshError ? undefined : answer?.head, member?.head]) {
    if (head === undefined || head instanceof MeshError) continue
    const ended = endedAs(head.revocations, { peerId: key.peerId, serial })
    if (ended !== undefined) return ended
  }
  return undefined
}
