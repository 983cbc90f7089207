/** Farewell: a member signs that it leaves with the record of this incarnation. `typ: farewell+jws`; only a newer record ends it. */
import * as z from 'zod/mini'
import { millisField } from './fields.ts'
import { signChecked, verifyMemberDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'

const farewellSchema = z.looseObject({
  /** Of the record that it ends. */
  incarnation: millisField,
})
export type Farewell = z.output<typeof farewellSchema>

const form = { typ: 'farewell+jws', schema: farewellSchema, maxBytes: limits.recordBytes } as const

export const signFarewell = (signer: Signer, farewell: Farewell): Promise<string> =>
  signChecked(signer, form, farewell)

/** @throws MeshError unauthenticated, too_large */
export async function verifyFarewell(jws: string): Promise<Farewell & { peerId: string }> {
  const { kid, claims } = await verifyMemberDocument(jws, form)
  return { ...claims, peerId: kid }
}
