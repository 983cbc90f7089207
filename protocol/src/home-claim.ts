/** Home claim: an agent signs which relay is its home. `typ: home+jws`; the highest homeSeq wins, from any source. */
import * as z from 'zod/mini'
import { millisField, peerIdField } from './fields.ts'
import { signChecked, verifyMemberDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'

const homeSchema = z.looseObject({
  relay: peerIdField,
  /** Raised at each change of home: max(last + 1, unix ms). */
  homeSeq: millisField,
})
export type HomeClaim = z.output<typeof homeSchema>

export const signHomeClaim = (signer: Signer, claim: HomeClaim): Promise<string> =>
  signChecked(signer, { typ: 'home+jws', schema: homeSchema, maxBytes: limits.recordBytes }, claim)

/** @throws MeshError unauthenticated, too_large */
export async function verifyHomeClaim(jws: string): Promise<HomeClaim & { peerId: string }> {
  const { kid, claims } = await verifyMemberDocument(jws, {
    typ: 'home+jws',
    schema: homeSchema,
    maxBytes: limits.recordBytes,
  })
  return { ...claims, peerId: kid }
}
