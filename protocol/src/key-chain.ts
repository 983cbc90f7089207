/**
 * Authority keys: the root signs the first, each signs its successor (`typ: key+jws`), and the root may sign any link:
 * that is how a stolen key is overruled. The mesh id suffices to check the chain, so any member or disk may carry it. Why it is
 * so: docs/adr/0016-authority-keys.md.
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

const kidField = z.string().check(z.regex(/^[\w-]{43}$/, { error: 'is not a key thumbprint' }))

const linkSchema = z.looseObject({
  mesh: meshIdField,
  /** 1 for the key that the root signed. */
  seq: z.int().check(z.positive()),
  jwk: publicJwkField,
  iat: secondsField,
  /** Earlier keys that were stolen: nothing they signed counts, whatever its date. Only the root revokes keys. */
  revokes: z.optional(z.array(kidField).check(z.maxLength(limits.keysRevoked))),
})
export type KeyLink = z.output<typeof linkSchema>

/** An authority key as the chain has it. */
export interface ChainedKey {
  readonly kid: string
  readonly jwk: PublicJwk
  /** When it was introduced, unix seconds. */
  readonly iat: number
  /** Introduced by the root itself: the first one, and those that follow a stolen key. */
  readonly byRoot: boolean
  readonly revoked: boolean
}

/** A verified chain. */
export interface KeyChain {
  readonly meshId: string
  readonly signed: SignedKeyChain
  /** The newest key signs new documents. */
  readonly current: { kid: string; jwk: PublicJwk }
  /** All of them, oldest first. */
  readonly authorities: readonly ChainedKey[]
  /** For each link, whether the root signed it: in a fork such a link wins. */
  readonly byRoot: readonly boolean[]
  /** The authority key with this thumbprint. @throws MeshError unauthenticated when there is none, or it was revoked */
  keyOf(kid: string): PublicJwk
  /** As {@link keyOf}, revoked or not: for the own credential, which is then to be renewed. */
  everKeyOf(kid: string): PublicJwk
}

/** Signs the link that introduces `jwk` as authority key number `seq`. @param by the newest key, or the root */
export const signKeyLink = (by: Signer, link: KeyLink): Promise<string> =>
  signChecked(by, { typ: 'key+jws', schema: linkSchema, maxBytes: limits.keyLinkBytes }, link)

interface NamedKey {
  kid: string
  jwk: PublicJwk
}

const refuse = (reason: string) => new MeshError('unauthenticated', `Cannot verify key chain: ${reason}`)

async function verifyLink(
  jws: string,
  seq: number,
  { meshId, root, by }: { meshId: string; root: NamedKey; by: NamedKey },
): Promise<{ link: KeyLink; key: NamedKey; byRoot: boolean }> {
  const { kid, claims } = await verifyDocument(jws, {
    typ: 'key+jws',
    schema: linkSchema,
    maxBytes: limits.keyLinkBytes,
    keyOf: kid => {
      if (kid === by.kid) return by.jwk
      if (kid === root.kid) return root.jwk
      throw refuse(`link ${seq} is signed by ${kid}`)
    },
  })
  if (claims.mesh !== meshId || claims.seq !== seq) throw refuse(`link ${seq} belongs elsewhere`)
  const byRoot = kid === root.kid
  if (claims.revokes !== undefined && !byRoot)
    throw refuse(`link ${seq} revokes keys, which only the root may`)
  return { link: claims, key: { kid: await thumbprintOf(claims.jwk), jwk: claims.jwk }, byRoot }
}

/** Verifies a chain against the mesh id. @throws MeshError unauthenticated */
export async function verifyKeyChain(meshId: string, signed: SignedKeyChain): Promise<KeyChain> {
  const found = await meshIdOf(signed.root)
  if (found !== meshId)
    throw new MeshError(
      'unauthenticated',
      `Cannot trust this control plane: it serves mesh ${found}, not ${meshId}`,
      {
        hint: 'Check the URL, or ask an admin of the mesh for a new join token.',
      },
    )
  const root: NamedKey = { kid: await thumbprintOf(signed.root), jwk: signed.root }
  let current = root
  const keys = new Map<string, ChainedKey>()
  const byRoot: boolean[] = []
  for (const [index, jws] of signed.links.entries()) {
    const verified = await verifyLink(jws, index + 1, { meshId, root, by: current })
    current = verified.key
    addLink(keys, verified, index + 1)
    byRoot.push(verified.byRoot)
  }
  const pick = (kid: string): ChainedKey => {
    const key = keys.get(kid)
    if (key !== undefined) return key
    throw new MeshError('unauthenticated', `Cannot verify: ${kid} is no authority key of this mesh`)
  }
  return {
    meshId,
    signed,
    current,
    authorities: [...keys.values()],
    byRoot,
    everKeyOf: kid => pick(kid).jwk,
    keyOf: kid => {
      const { revoked, jwk } = pick(kid)
      if (!revoked) return jwk
      throw new MeshError('unauthenticated', `Cannot verify: it is signed by a revoked authority key, ${kid}`)
    },
  }
}

/** A link may name the newest key again: then it only revokes others. */
function addLink(
  keys: Map<string, ChainedKey>,
  { link, key, byRoot }: { link: KeyLink; key: NamedKey; byRoot: boolean },
  seq: number,
): void {
  const known = keys.get(key.kid)
  if (known?.revoked === true) throw refuse(`link ${seq} brings back the revoked key ${key.kid}`)
  if (known === undefined) keys.set(key.kid, { ...key, iat: link.iat, byRoot, revoked: false })
  for (const kid of link.revokes ?? []) {
    const revoked = keys.get(kid)
    if (revoked === undefined || kid === key.kid) throw refuse(`link ${seq} revokes ${kid}, which it cannot`)
    keys.set(kid, { ...revoked, revoked: true })
  }
}

/**
 * How a chain relates to the one known before: `same` or `longer` continue it; `overrules` is another branch that the
 * root chose where the known one was not signed by the root; anything else is a `fork`, a roll-back or a thief's.
 */
export function compareChains(known: KeyChain, next: KeyChain): 'same' | 'longer' | 'overrules' | 'fork' {
  const mine = known.signed.links.map(signedPart)
  const theirs = next.signed.links.map(signedPart)
  const split = mine.findIndex((link, index) => theirs[index] !== link)
  if (split === -1) return theirs.length === mine.length ? 'same' : 'longer'
  return split < theirs.length && next.byRoot[split] === true && known.byRoot[split] === false
    ? 'overrules'
    : 'fork'
}

/**
 * What a link says and by whom, without the signature: anyone can make a second valid ECDSA signature from the first (n - s), and
 * a chain must not look like a fork by it.
 */
const signedPart = (link: string): string => link.slice(0, link.lastIndexOf('.'))
