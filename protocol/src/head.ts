/**
 * Head: relays, policy, revocations and keys, each with a number of its own, signed by the authority. `head+jws` binds
 * the numbers; members persist the highest they saw and refuse lower ones.
 */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import {
  addrsField,
  documentField,
  labelField,
  meshIdField,
  millisField,
  nameField,
  peerIdField,
} from './fields.ts'
import { signChecked, verifyDocument, type DocumentType, type Signer } from './jws.ts'
import { keyChainSchema, verifyKeyChain, type KeyChain } from './key-chain.ts'
import { limits } from './limits.ts'
import { policySchema, signedPolicySchema, type Policy } from './policy.ts'
import {
  revocationList,
  revocationsSchema,
  type RevocationList,
  type Revocations,
} from './revocation-list.ts'

const numberField = z.int().check(z.nonnegative())

export const headNumbersSchema = z.looseObject({
  keys: numberField,
  relays: numberField,
  policy: numberField,
  revocations: numberField,
})
export type HeadNumbers = z.output<typeof headNumbersSchema>

const headSchema = z.looseObject({
  mesh: meshIdField,
  numbers: headNumbersSchema,
  issuedAt: millisField,
  /** It holds no policy and no revocations, and is never kept. @default false */
  forStrangers: z.optional(z.boolean()),
})
export type Head = z.output<typeof headSchema>

export const relayEntrySchema = z.looseObject({
  peerId: peerIdField,
  name: nameField,
  region: z.optional(labelField),
  addrs: addrsField,
})
export type RelayEntry = z.output<typeof relayEntrySchema>

const part = { mesh: meshIdField, number: numberField }
const relaysSchema = z.looseObject({
  ...part,
  relays: z.array(relayEntrySchema).check(z.maxLength(limits.relays)),
})
/** As it is signed: strict, so that readers drop no grant of it. */
const writtenPolicySchema = z.looseObject({ ...part, policy: policySchema })
const policyPartSchema = z.looseObject({ ...part, policy: signedPolicySchema })

/** Everything of the head as carried on the wire; each piece is verified by its own signature. */
export const signedHeadSchema = z.looseObject({
  head: documentField,
  keys: keyChainSchema,
  relays: documentField,
  policy: documentField,
  revocations: documentField,
})
export type SignedHead = z.output<typeof signedHeadSchema>

/** A verified head. */
export interface VerifiedHead {
  numbers: HeadNumbers
  /** Unix milliseconds. */
  issuedAt: number
  /** The authority key that signed these numbers. */
  signedBy: string
  /** It proves the keys of the mesh and lists relays; its policy and revocations are empty. */
  forStrangers: boolean
  keys: KeyChain
  relays: RelayEntry[]
  policy: Policy
  revocations: RevocationList
  signed: SignedHead
}

/** The four documents; signing any of them throws invalid_argument or too_large when members would refuse it. */
const maxBytes = limits.documentBytes
const headDocument = { typ: 'head+jws', schema: headSchema, maxBytes } as const
const relaysDocument = { typ: 'relays+jws', schema: relaysSchema, maxBytes } as const
const policyDocument = { typ: 'policy+jws', schema: policyPartSchema, maxBytes } as const
const revocationsDocument = { typ: 'revocations+jws', schema: revocationsSchema, maxBytes } as const

export const signHead = (signer: Signer, head: Head): Promise<string> =>
  signChecked(signer, headDocument, head)
export const signRelays = (signer: Signer, part: z.output<typeof relaysSchema>): Promise<string> =>
  signChecked(signer, relaysDocument, part)
export const signPolicy = (signer: Signer, part: z.output<typeof policyPartSchema>): Promise<string> =>
  signChecked(signer, { ...policyDocument, schema: writtenPolicySchema }, part)
export const signRevocations = (signer: Signer, part: Revocations): Promise<string> =>
  signChecked(signer, revocationsDocument, part)

/** Verifies one part: signed by an authority key and of this mesh. */
async function verifyPart<T extends { mesh: string }>(
  jws: string,
  document: { typ: DocumentType; schema: z.ZodMiniType<T>; maxBytes: number },
  keys: KeyChain,
): Promise<T & { signedBy: string }> {
  const { typ } = document
  const { kid, claims } = await verifyDocument(jws, { ...document, keyOf: kid => keys.keyOf(kid) })
  if (claims.mesh !== keys.meshId)
    throw new MeshError('unauthenticated', `Cannot verify ${typ}: it is of another mesh`)
  return { ...claims, signedBy: kid }
}

/** Verifies a whole head against the mesh id. @throws MeshError unauthenticated */
export async function verifyHead(meshId: string, signed: SignedHead): Promise<VerifiedHead> {
  const keys = await verifyKeyChain(meshId, signed.keys)
  const [head, relays, policy, revocations] = await Promise.all([
    verifyPart(signed.head, headDocument, keys),
    verifyPart(signed.relays, relaysDocument, keys),
    verifyPart(signed.policy, policyDocument, keys),
    verifyPart(signed.revocations, revocationsDocument, keys),
  ])
  const { numbers, issuedAt, signedBy, forStrangers = false } = head
  const match =
    numbers.keys === signed.keys.links.length &&
    numbers.relays === relays.number &&
    numbers.policy === policy.number &&
    numbers.revocations === revocations.number
  if (!match)
    throw new MeshError('unauthenticated', 'Cannot verify head: its numbers are not those of its parts')
  return {
    numbers,
    issuedAt,
    signedBy,
    forStrangers,
    keys,
    relays: relays.relays,
    policy: policy.policy,
    revocations: revocationList(revocations),
    signed,
  }
}

/** The first part whose number in `next` is lower than in `known`: such a head is a rollback and is refused. */
export const rolledBack = (known: HeadNumbers, next: HeadNumbers): keyof HeadNumbers | undefined =>
  (['keys', 'relays', 'policy', 'revocations'] as const).find(name => next[name] < known[name])
