/** Member record: the claims of a member about itself. Compact JWS, `typ: member+jws`, EdDSA, `kid` = peerId, <= 1 KiB. */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { addrsField, labelField, millisField, peerIdField, serialField, servicesField } from './fields.ts'
import { signChecked, verifyMemberDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'

const recordSchema = z.looseObject({
  /** Only the owner raises it: at start max(stored + 1, unix ms). */
  incarnation: millisField,
  addrs: addrsField,
  /** Home first, then standby. */
  homeRelays: z.array(peerIdField).check(z.maxLength(limits.homeRelays)),
  /** Own round trips to `homeRelays`, in their order, whole ms: how far it is, for members without a link to it. Routing hints. */
  homeRttMs: z.optional(
    z
      .array(z.int().check(z.nonnegative(), z.maximum(limits.homeRttMs)))
      .check(z.maxLength(limits.homeRelays)),
  ),
  /** Routing hints; policy never reads them. */
  region: z.optional(labelField),
  zone: z.optional(labelField),
  services: servicesField,
  serial: serialField,
})
export type MemberRecord = z.output<typeof recordSchema>

const document = { typ: 'member+jws', schema: recordSchema, maxBytes: limits.recordBytes } as const

/** Signs a record. @throws MeshError invalid_argument, too_large when it is over 1 KiB */
export const signRecord = (signer: Signer, record: MemberRecord): Promise<string> =>
  signChecked(signer, { ...document, hint: 'List fewer addresses or services.' }, record)

/**
 * Verifies a record by the key inside its own peer id.
 * @param now unix milliseconds; an incarnation more than a day ahead is refused
 * @throws MeshError unauthenticated, too_large
 */
export async function verifyRecord(
  jws: string,
  now: number,
): Promise<{ peerId: string; record: MemberRecord }> {
  const { kid, claims } = await verifyMemberDocument(jws, document)
  if (claims.incarnation > now + limits.futureMs)
    throw new MeshError(
      'unauthenticated',
      `Cannot accept record of ${kid}: incarnation is more than a day ahead`,
    )
  return { peerId: kid, record: claims }
}

/** The incarnation a member starts with. */
export const nextIncarnation = (stored: number, now: number): number => Math.max(stored + 1, now)
