/** Refusals with the same text in every adapter. */
import { credentialDays } from '@agent-mesh/protocol/credential'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Enrolment } from './parts/enrolments.ts'
import type { HeadPart } from './parts/head-parts.ts'
import type { Lease, LeaseReport } from './parts/presence.ts'

/** How long after the expiry of its credential an enrolment lives, ms. */
export const graceMs = credentialDays.grace * 24 * 3600_000

/** A lapsed enrolment counts as none; a revoked one never lapses. */
export const lapsed = ({ revokedAt, expiresAt }: Enrolment, now: number): boolean =>
  revokedAt === undefined && expiresAt + graceMs < now

export const revoked = (action: string) =>
  new MeshError('revoked', `Cannot ${action}: the member was revoked`)

/** @throws MeshError not_found, revoked, conflict */
export function checkSerial<E extends Enrolment>(
  found: E | undefined,
  { peerId, serial }: { peerId: string; serial: string },
  action: string,
): E {
  if (found === undefined) throw new MeshError('not_found', `Cannot ${action}: ${peerId} is not enrolled`)
  if (found.revokedAt !== undefined) throw revoked(action)
  if (found.serial !== serial)
    throw new MeshError('conflict', `Cannot ${action}: serial ${serial} was replaced by a newer enrolment`)
  return found
}

export const full = (action: string, maxMembers: number) =>
  new MeshError('mesh_full', `Cannot ${action}: the mesh has ${maxMembers} members already`, {
    hint: 'Remove members that are gone, or raise maxMembers.',
  })

/** False when exactly this record is stored. @throws MeshError conflict when the given one does not beat that */
export function beatsStored(
  given: { incarnation: number; record: string },
  stored: { incarnation: number; record: unknown },
): boolean {
  if (given.incarnation > stored.incarnation) return true
  if (given.incarnation === stored.incarnation && given.record === stored.record) return false
  const reason = `incarnation ${given.incarnation} does not beat ${stored.incarnation}`
  throw new MeshError('conflict', `Cannot publish record: ${reason}`, {
    details: { incarnation: stored.incarnation },
    hint: 'Sign a record with a higher incarnation.',
  })
}

/** Callers learn no more than that: the reason names tables and hosts, and is in the log. */
export const storeFailed = (cause: unknown) =>
  new MeshError('unavailable', 'Cannot answer: the control plane database does not work', {
    cause,
    hint: 'The log of the control plane has the reason.',
  })

export const newerSchema = (action: string, stored: number, known: number) =>
  new MeshError(
    'unsupported',
    `Cannot ${action}: its schema is version ${stored}, this build knows ${known}`,
    { hint: 'Run the newer build that wrote it, or restore a backup made by this one.' },
  )

export const diskFull = (cause?: unknown) =>
  new MeshError('unavailable', 'Cannot write: disk full at the control plane database', {
    cause,
    hint: 'Free space on that disk. What was written is kept, reads go on, and writes follow when there is room.',
  })

export const notInMap = (peerId: string) =>
  new MeshError('not_found', `Cannot remove member: ${peerId} is not in the map`)

export const nameTaken = (action: string, name: string, holder: string) =>
  new MeshError('conflict', `Cannot ${action}: the name ${name} is held by ${holder}`, {
    hint: `Choose another name, or remove its holder first: agent-mesh members remove ${name}`,
  })

export const notEnrolled = (peerId: string) =>
  new MeshError('not_found', `Cannot revoke ${peerId}: it is not enrolled`)

export const mapGap = (shard: number, after: number) =>
  new MeshError('map_gap', `Cannot read map changes: number ${after} of shard ${shard} cannot be followed`, {
    hint: 'Read the map anew, without a cursor.',
  })

/** A report follows the stored one, repeats it, or belongs to another time. A new epoch begins with number 1. */
export const orderOfReport = (
  stored: Lease | undefined,
  { epoch, seq }: LeaseReport,
): 'next' | 'repeat' | 'stray' => {
  if (stored === undefined) return 'next'
  if (epoch !== stored.epoch) return seq === 1 ? 'next' : 'stray'
  if (seq === stored.seq + 1) return 'next'
  return seq === stored.seq ? 'repeat' : 'stray'
}

export const strayReport = (report: LeaseReport, stored: Lease | undefined) =>
  new MeshError(
    'conflict',
    `Cannot apply relay report: ${report.epoch}/${report.seq} does not follow ${stored?.epoch}/${stored?.seq}`,
    {
      details: { epoch: stored?.epoch, seq: stored?.seq },
      hint: 'Begin a new epoch with all homed agents.',
    },
  )

/** The part to be written where `expected` is stored. @throws MeshError invalid_argument when its number does not rise */
export function risingPart(part: HeadPart, expected: number): HeadPart {
  if (Number.isSafeInteger(part.number) && part.number > expected) return part
  throw new MeshError(
    'invalid_argument',
    `Cannot write ${part.name} number ${part.number}: it does not rise from ${expected}`,
  )
}

export const partConflict = ({ name, number }: { name: string; number: number }, stored: number) =>
  new MeshError('conflict', `Cannot write ${name} number ${number}: number ${stored} is stored`, {
    details: { number: stored },
  })
