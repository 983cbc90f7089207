import {
  credentialDays,
  defaultPolicy,
  jwkSigner,
  peerIdOfJwk,
  publicJwkField,
  signCredential,
  signHead,
  signKeyLink,
  signPolicy,
  signRecord,
  signRelays,
  signRevocations,
  thumbprintOf,
  meshIdOf,
  verifyKeyChain,
  type CredentialClaims,
  type HeadNumbers,
  type KeyChain,
  type MemberRecord,
  type Policy,
  type PublicJwk,
  type RelayEntry,
  type SignedHead,
  type SignedKeyChain,
  type Signer,
} from '@agent-mesh/protocol'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import * as z from 'zod/mini'

/** A key pair with the name that documents know it by. */
export interface TestKey {
  /** peerId of a member, thumbprint of an authority. */
  kid: string
  jwk: PublicJwk
  privateJwk: PublicJwk & { d: string }
  signer: Signer
}

/** A member of a {@link TestMesh}; each call signs anew. */
export interface TestMember extends TestKey {
  peerId: string
  name: string
  serial: string
  credential(changes?: Partial<CredentialClaims>): Promise<string>
  record(changes?: Partial<MemberRecord>): Promise<string>
}

export type KeyType = 'Ed25519' | 'P-256'

/** A fresh key of a member, or of an authority when `type` is given. */
export async function testKey(type?: KeyType): Promise<TestKey> {
  const { privateKey } =
    type === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  const exported = privateKey.export({ format: 'jwk' })
  const jwk = z.parse(publicJwkField, exported)
  const privateJwk = { ...jwk, d: String(exported.d) }
  const kid = type === undefined ? peerIdOfJwk(jwk) : await thumbprintOf(jwk)
  return { kid, jwk, privateJwk, signer: await jwkSigner(kid, privateJwk) }
}

/** A serial as the authority gives it: 16 random bytes. */
export const testSerial = (): string => randomBytes(16).toString('base64url')

/** What a head says; what is absent has its starting value. */
export interface HeadContent {
  issuedAt?: number
  relays?: RelayEntry[]
  policy?: Policy
  peerIds?: string[]
  serials?: string[]
  /** When each of `peerIds` was revoked, unix milliseconds. */
  times?: number[]
  /** Numbers of the parts. @default keys: links in the chain, others 1 */
  numbers?: Partial<HeadNumbers>
  /** Mesh id inside the parts. @default this mesh's */
  mesh?: string
  /** Marks it as the one for strangers. */
  forStrangers?: boolean
}

/** Everything signed that a mesh needs, without a control plane: root, authority keys, heads, members. */
export class TestMesh {
  readonly meshId: string
  readonly root: TestKey
  /** Unix milliseconds; what is signed is signed at this time. */
  readonly now: () => number
  /** The newest authority key. */
  authority: TestKey
  chain: SignedKeyChain
  keys: KeyChain

  private constructor(
    root: TestKey,
    now: () => number,
    first: { authority: TestKey; chain: SignedKeyChain; keys: KeyChain },
  ) {
    this.root = root
    this.now = now
    this.authority = first.authority
    this.chain = first.chain
    this.keys = first.keys
    this.meshId = first.keys.meshId
  }

  /** A new mesh with a root and one authority key. */
  static async create(options: { now?: () => number; type?: KeyType } = {}): Promise<TestMesh> {
    const { now = Date.now, type = 'Ed25519' } = options
    const root = await testKey(type)
    const meshId = await meshIdOf(root.jwk)
    const empty: SignedKeyChain = { root: root.jwk, links: [] }
    return new TestMesh(root, now, await extend(meshId, empty, root, now(), type))
  }

  /** Adds a successor to the authority key; what the older ones signed stays valid. */
  async rotate(type: KeyType = 'Ed25519', by: TestKey = this.authority): Promise<void> {
    const next = await extend(this.meshId, this.chain, by, this.now(), type)
    Object.assign(this, next)
  }

  /** Revokes keys by the root: what they signed counts no more. @default all but the newest */
  async revokeKeys(revokes = this.keys.authorities.slice(0, -1).map(({ kid }) => kid)): Promise<void> {
    const { meshId, authority, root, chain } = this
    const iat = Math.floor(this.now() / 1000)
    const link = { mesh: meshId, seq: chain.links.length + 1, jwk: authority.jwk, iat, revokes }
    this.chain = { ...chain, links: [...chain.links, await signKeyLink(root.signer, link)] }
    this.keys = await verifyKeyChain(meshId, this.chain)
  }

  /** As it is now; what is done to it later does not change this one. */
  copy(): TestMesh {
    return Object.assign(Object.create(TestMesh.prototype) as TestMesh, this)
  }

  /** A head signed by the newest authority key. */
  async head(content: HeadContent = {}): Promise<SignedHead> {
    const { relays = [], policy = defaultPolicy, mesh = this.meshId } = content
    const { peerIds = [], serials = [], times } = content
    const revoked = { peerIds, serials, ...(times === undefined ? {} : { times }) }
    const initial = { keys: this.chain.links.length, relays: 1, policy: 1, revocations: 1 }
    const numbers = { ...initial, ...content.numbers }
    const { signer } = this.authority
    return {
      head: await signHead(signer, {
        mesh,
        numbers,
        issuedAt: content.issuedAt ?? this.now(),
        ...(content.forStrangers === true ? { forStrangers: true } : {}),
      }),
      keys: this.chain,
      relays: await signRelays(signer, { mesh, number: numbers.relays, relays }),
      policy: await signPolicy(signer, { mesh, number: numbers.policy, policy }),
      revocations: await signRevocations(signer, { mesh, number: numbers.revocations, ...revoked }),
    }
  }

  /** A member enrolled now; `changes` are claims of its credential. */
  async member(changes: Partial<CredentialClaims> = {}): Promise<TestMember> {
    const key = await testKey()
    const claims = { ...this.#claims(key.kid), ...changes }
    const { serial, name } = claims
    const record = { incarnation: this.now(), addrs: ['/ip4/192.0.2.7/tcp/4001'], homeRelays: [], serial }
    return {
      ...key,
      peerId: key.kid,
      name,
      serial,
      credential: more => signCredential(this.authority.signer, { ...claims, ...more }),
      record: more => signRecord(key.signer, { ...record, services: ['math@2'], ...more }),
    }
  }

  #claims(peerId: string): CredentialClaims {
    const iat = Math.floor(this.now() / 1000)
    return {
      iss: this.meshId,
      sub: peerId,
      serial: testSerial(),
      jti: testSerial(),
      name: `agent-${randomBytes(4).toString('hex')}`,
      roles: ['agent'],
      region: 'eu-1',
      tags: [],
      iat,
      exp: iat + credentialDays.life * 24 * 3600,
    }
  }
}

async function extend(meshId: string, chain: SignedKeyChain, by: TestKey, now: number, type: KeyType) {
  const authority = await testKey(type)
  const seq = chain.links.length + 1
  const iat = Math.floor(now / 1000)
  const link = await signKeyLink(by.signer, { mesh: meshId, seq, jwk: authority.jwk, iat })
  const longer: SignedKeyChain = { root: chain.root, links: [...chain.links, link] }
  return { authority, chain: longer, keys: await verifyKeyChain(meshId, longer) }
}
