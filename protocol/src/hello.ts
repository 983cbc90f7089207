/**
 * Hello: the first exchange on every connection, `/agent-mesh/hello/1.0.0`. The dialler opens the stream and sends its
 * hello; the other side answers with its own, or with `{"refused": CODE, "leaving"?: true, "ended"?: HOW}`, after which the connection
 * ends. One message each way, JSON behind a 4-byte big-endian length. TLS or Noise has proved the peer id before; the hello proves membership.
 */
import * as z from 'zod/mini'
import { verifyCredential, type CredentialClaims } from './credential.ts'
import { MeshError } from './errors.ts'
import { addrField, credentialField, recordField } from './fields.ts'
import type { VerifiedHead } from './head.ts'
import { verifyRecord, type MemberRecord } from './member-record.ts'
import { endOf, type RevocationList } from './revocation-list.ts'

export const helloProtocol = '/agent-mesh/hello/1.0.0'
/** Protocol versions this build speaks, newest first: N and N-1 interoperate. */
export const meshVersions: readonly number[] = [1]
/** Longest hello: record and credential at their limits, with room for later fields. */
export const helloBytes = 8192

export const helloSchema = z.looseObject({
  versions: z.array(z.int().check(z.positive())).check(z.minLength(1), z.maxLength(8)),
  credential: credentialField,
  /** Members without a record (admins) send none. */
  record: z.optional(recordField),
  /** Of the callee: the address at which it sees the dialler. Only that of a relay is used: see upgrade.ts. */
  observed: z.optional(addrField),
  /** Of this start of the process: two at once with one peer id are clones. Earlier versions do not send it. */
  boot: z.optional(z.string().check(z.regex(/^[\w-]{22}$/, { error: 'is not a boot id' }))),
})
export type Hello = z.output<typeof helloSchema>

/** The answer to the dialler: the other's hello, or why it is refused (an error code, not proven). */
const helloRefusalSchema = z.looseObject({
  refused: z.string().check(z.maxLength(32)),
  /** It stops: another member may do the work. Earlier versions do not send it. */
  leaving: z.optional(z.boolean()),
  /** With `revoked`: how the membership of the dialler ended. Earlier versions do not send it. */
  ended: z.optional(z.string().check(z.maxLength(32))),
})
export type HelloRefusal = z.output<typeof helloRefusalSchema>
export const helloAnswerSchema = z.union([helloRefusalSchema, helloSchema])

/** A member admitted by its hello. */
export interface Peer {
  peerId: string
  /** Version both speak. */
  version: number
  credential: CredentialClaims
  record: MemberRecord | undefined
  /** Start of its process; undefined when it does not send it. */
  boot: string | undefined
  /** As received, for the map. */
  signed: { credential: string; record: string | undefined }
}

/** The newest version both sides speak. @throws MeshError unsupported */
export function agreeOnVersion(theirs: readonly number[]): number {
  const version = meshVersions.find(mine => theirs.includes(mine))
  if (version === undefined)
    throw new MeshError('unsupported', `Cannot talk to peer: it speaks versions ${theirs.join(', ')}`, {
      hint: 'Upgrade the older of the two agents.',
    })
  return version
}

/**
 * Decides whether `peerId`, proved by the transport, is a member: its credential is valid and its own, its membership
 * has not ended, its record is signed by itself and belongs to this enrolment.
 * @throws MeshError unauthenticated; revoked with `details.ended`; unsupported
 */
export async function admit(
  hello: Hello,
  peerId: string,
  head: Pick<VerifiedHead, 'keys'> & { revocations: Pick<RevocationList, 'peerIds' | 'serials' | 'ended'> },
  now: number,
): Promise<Peer> {
  const version = agreeOnVersion(hello.versions)
  const credential = await verifyCredential(hello.credential, {
    meshId: head.keys.meshId,
    keys: head.keys,
    now,
    peerId,
  })
  const ended = endOf(head.revocations, { peerId, serial: credential.serial })
  if (ended !== undefined)
    throw new MeshError('revoked', `Cannot admit ${credential.name}: it was ${ended}`, { details: { ended } })
  const signed = { credential: hello.credential, record: hello.record }
  const { boot } = hello
  if (hello.record === undefined) return { peerId, version, credential, record: undefined, boot, signed }
  const { peerId: owner, record } = await verifyRecord(hello.record, now)
  if (owner !== peerId || record.serial !== credential.serial)
    throw new MeshError(
      'unauthenticated',
      `Cannot admit ${credential.name}: its record is of another enrolment`,
    )
  return { peerId, version, credential, record, boot, signed }
}
