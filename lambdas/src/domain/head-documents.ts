/** Reads the signed documents of the head. They are verified again: write access to the database is not authority. */
import {
  limits,
  MeshError,
  signedPolicySchema,
  relayEntrySchema,
  revocationsSchema,
  verifyDocument,
  type DocumentType,
  type Policy,
  type RelayEntry,
  type Revocations,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { HeadPart } from '../store/parts/head-parts.ts'
import type { MeshParts } from './mesh-context.ts'

const numbered = { mesh: z.string(), number: z.int() }
const policyPart = z.looseObject({ ...numbered, policy: signedPolicySchema })
const relaysPart = z.looseObject({ ...numbered, relays: z.array(relayEntrySchema) })

/** What reading a document of the head needs. */
export type Documents = MeshParts<'keys' | 'ring', 'headParts'>

async function readPart<T>(
  { store, keys, ring }: Documents,
  { name, typ, schema }: { name: string; typ: DocumentType; schema: z.ZodMiniType<T> },
): Promise<{ part: HeadPart; claims: T }> {
  const part = await store.headParts.readPart(name)
  if (part === undefined) throw new MeshError('unavailable', `Cannot read ${name}: the store has none`)
  const options = { typ, schema, maxBytes: limits.documentBytes, keyOf: (kid: string) => keys.keyOf(kid) }
  const verify = async () => ({ part, claims: (await verifyDocument(part.document, options)).claims })
  if (ring === undefined) return verify()
  return verify().catch(async () => {
    // Perhaps signed by a key that another process introduced.
    await ring.refresh()
    return verify()
  })
}

export async function readPolicy(init: Documents): Promise<{ part: HeadPart; policy: Policy }> {
  const { part, claims } = await readPart(init, { name: 'policy', typ: 'policy+jws', schema: policyPart })
  return { part, policy: claims.policy }
}

export async function readRelays(init: Documents): Promise<{ part: HeadPart; relays: RelayEntry[] }> {
  const { part, claims } = await readPart(init, { name: 'relays', typ: 'relays+jws', schema: relaysPart })
  return { part, relays: claims.relays }
}

export const readRevocations = (init: Documents): Promise<{ part: HeadPart; claims: Revocations }> =>
  readPart(init, { name: 'revocations', typ: 'revocations+jws', schema: revocationsSchema })
