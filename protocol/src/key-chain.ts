/**
 * Authority keys: the root signs the first, each signs its successor (`typ: key+jws`). Whoever knows the mesh id can
 * check the chain, so anyone may carry it.
 */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { jwsField, meshIdField, publicJwkField, secondsField, type PublicJwk } from './fields.ts'
import { signChecked, verifyDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'
import { meshIdOf, thumbprintOf } from './mesh-id.ts'

/** As carried on the wire. */
export const keyChainSchema = z.looseObject({
  root: publicJwkField,
  links: z.array(jwsField(limits.keyLinkBytes)).check(z.minLength(1), z.maxLength(limits.keyChain)),
})
export type SignedKeyChain = z.output<typeof keyChainSchema>

const linkSchema = z.looseObject({
  mesh: meshIdField,
  /** 1 for the key that the root signed. */
  seq: z.int().check(z.positive()),
  jwk: publicJwkField,
  iat: secondsField,
})

/** A verified chain. */
export interface KeyChain {
  readonly meshId: string
  readonly signed: SignedKeyChain
  /** The newest key signs new documents. */
  readonly current: { kid: string; jwk: PublicJwk }
  /** The authority key with this thumbprint. @throws MeshError unauthenticated */
  keyOf(kid: string): PublicJwk
}

/** Signs the link that introduces `jwk` as authority key number `seq`. */
export const signKeyLink = (
  predecessor: Signer,
  link: { mesh: string; seq: number; jwk: PublicJwk; iat: number },
): Promise<string> =>
  signChecked(predecessor, { typ: 'key+jws', schema: linkSchema, maxBytes: limits.keyLinkBytes }, link)

async function verifyLink(jws: string, seq: number, meshId: string, by: { kid: string; jwk: PublicJwk }) {
  const { claims } = await verifyDocument(jws, {
    typ: 'key+jws',
    schema: linkSchema,
    maxBytes: limits.keyLinkBytes,
    keyOf: kid => {
      if (kid === by.kid) return by.jwk
      throw new MeshError('unauthenticated', `Cannot verify key chain: link ${seq} is signed by ${kid}`)
    },
  })
  if (claims.mesh !== meshId || claims.seq !== seq)
    throw new MeshError('unauthenticated', `Cannot verify key chain: link ${seq} belongs elsewhere`)
  return { kid: await thumbprintOf(claims.jwk), jwk: claims.jwk }
}

/** Verifies a chain against the mesh id. @throws MeshError unauthenticated */
export async function verifyKeyChain(meshId: string, signed: SignedKeyChain): Promise<KeyChain> {
  const found = await meshIdOf(signed.root)
  if (found !== meshId)
    throw new MeshError(
      'unauthenticated',
      `Cannot trust this control plane: it serves mesh ${found}, not ${meshId}`,
      {
        hint: 'Check the URL, or ask whoever gave you the join token for a new one.',
      },
    )
  let current = { kid: await thumbprintOf(signed.root), jwk: signed.root }
  const keys = new Map<string, PublicJwk>()
  for (const [index, link] of signed.links.entries()) {
    current = await verifyLink(link, index + 1, meshId, current)
    keys.set(current.kid, current.jwk)
  }
  return { meshId, signed, current, keyOf: kid => pick(keys, kid) }
}

function pick(keys: Map<string, PublicJwk>, kid: string): PublicJwk {
  const jwk = keys.get(kid)
  if (jwk === undefined)
    throw new MeshError('unauthenticated', `Cannot verify: ${kid} is no authority key of this mesh`)
  return jwk
}
