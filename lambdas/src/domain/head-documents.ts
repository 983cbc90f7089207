/** Reads what the authority signed into the head. Verified again: who can write the database is not the authority. */
import {
  limits,
  MeshError,
  signedPolicySchema,
  relayEntrySchema,
  verifyDocument,
  type Policy,
  type RelayEntry,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { HeadPart } from '../store/model.ts'
import type { MeshContext } from './mesh-context.ts'

const numbered = { mesh: z.string(), number: z.int() }
const policyPart = z.looseObject({ ...numbered, policy: signedPolicySchema })
const relaysPart = z.looseObject({ ...numbered, relays: z.array(relayEntrySchema) })

type Documents = Pick<MeshContext, 'keys' | 'store'>

async function readPart({ store }: Documents, name: string): Promise<HeadPart> {
  const part = await store.readPart(name)
  if (part === undefined) throw new MeshError('unavailable', `Cannot read ${name}: the store has none`)
  return part
}

export async function readPolicy(init: Documents): Promise<{ part: HeadPart; policy: Policy }> {
  const part = await readPart(init, 'policy')
  const { claims } = await verifyDocument(part.document, {
    typ: 'policy+jws',
    schema: policyPart,
    maxBytes: limits.documentBytes,
    keyOf: kid => init.keys.keyOf(kid),
  })
  return { part, policy: claims.policy }
}

export async function readRelays(init: Documents): Promise<{ part: HeadPart; relays: RelayEntry[] }> {
  const part = await readPart(init, 'relays')
  const { claims } = await verifyDocument(part.document, {
    typ: 'relays+jws',
    schema: relaysPart,
    maxBytes: limits.documentBytes,
    keyOf: kid => init.keys.keyOf(kid),
  })
  return { part, relays: claims.relays }
}
