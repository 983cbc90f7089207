/** Signing a part of the head again as it is: for another key, or under another number. */
import { limits, MeshError, signDocument, verifyDocument, type KeyChain } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { writeTries } from '../defaults.ts'
import type { HeadPart } from '../store/parts/head-parts.ts'
import type { Keyring } from './keyring.ts'
import type { MeshParts } from './mesh-context.ts'

export interface SigningMesh extends MeshParts<'changes', 'headParts'> {
  ring: Keyring
}

export interface SigningAnew {
  /** The keys whose signatures are accepted. */
  keyOf: KeyChain['keyOf']
  /** The number it gets, undefined for a part that stays as it is. @param signedBy thumbprint of the key that signed it */
  numberFor: (part: HeadPart, signedBy: string) => number | undefined
}

const parts = { policy: 'policy+jws', relays: 'relays+jws', revocations: 'revocations+jws' } as const
const numbered = z.looseObject({ mesh: z.string(), number: z.int() })

/**
 * Signs the parts of the head, except the key chain, by the current key, against concurrent writers.
 * @throws MeshError unauthenticated when a part is signed by none of the keys, conflict when other processes keep winning
 */
export async function signPartsAnew(mesh: SigningMesh, anew: SigningAnew): Promise<void> {
  for (const name of ['policy', 'relays', 'revocations'] as const) await signPartAnew(mesh, name, anew)
}

async function signPartAnew(
  { store, ring, changes }: SigningMesh,
  name: keyof typeof parts,
  { keyOf, numberFor }: SigningAnew,
): Promise<void> {
  const signer = await ring.pick()
  const [typ, maxBytes] = [parts[name], limits.documentBytes]
  for (let tries = writeTries; ; tries--) {
    const part = await store.headParts.readPart(name)
    if (part === undefined) return
    const { kid, claims } = await verifyDocument(part.document, { typ, schema: numbered, maxBytes, keyOf })
    const number = numberFor(part, kid)
    if (number === undefined) return
    try {
      // Unchanged, with fields that a later version may have added.
      const document = await signDocument(signer, typ, { ...claims, number })
      await store.headParts.writePart(name, part.number, document, number)
      return changes.emit('head')
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'conflict' || tries === 1) throw error
    }
  }
}
