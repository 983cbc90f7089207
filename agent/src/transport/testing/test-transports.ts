/** A mesh for tests: real keys, real credentials, real transports on loopback, and everything stopped at the end. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  admit,
  jwkSigner,
  meshIdOf,
  MeshError,
  signCredential,
  signKeyLink,
  signRecord,
  thumbprintOf,
  verifyKeyChain,
  type EndedMembership,
  type KeyChain,
  type Signer,
} from '@agent-mesh/protocol'
import { generateIdentity, type Identity } from '../../identity/index.ts'
import type { DialTarget } from '../dial/dial-target.ts'
import { createTransport, type Transport, type TransportInit } from '../transport.ts'

async function authority() {
  const [root, key] = await Promise.all([generateIdentity(), generateIdentity()])
  const mesh = await meshIdOf(root.publicJwk)
  const rootSigner = await jwkSigner(await thumbprintOf(root.publicJwk), root.privateJwk())
  const signer = await jwkSigner(await thumbprintOf(key.publicJwk), key.privateJwk())
  const link = await signKeyLink(rootSigner, { mesh, seq: 1, jwk: key.publicJwk, iat: seconds() })
  const keys = await verifyKeyChain(mesh, { root: root.publicJwk, links: [link] })
  return { keys, signer }
}

const seconds = () => Math.floor(Date.now() / 1000)

export interface TransportMember {
  identity: Identity
  name: string
  serial: string
  ports: Pick<TransportInit, 'hello' | 'admit' | 'identity'>
}

export class TestTransports {
  readonly keys: KeyChain
  readonly #signer: Signer
  readonly #transports: Transport[] = []
  /** Peer ids cut off by the test. */
  readonly revoked = new Set<string>()
  /** Memberships that the test ended, by serial. */
  readonly ended = new Map<string, EndedMembership>()
  readonly endedSerials = new Set<string>()
  /** Failures no caller waited for. */
  readonly errors: unknown[] = []
  readonly refusals: { at: string; peerId: string; reason: MeshError }[] = []

  private constructor(keys: KeyChain, signer: Signer) {
    this.keys = keys
    this.#signer = signer
  }

  static async create(): Promise<TestTransports> {
    const { keys, signer } = await authority()
    return new TestTransports(keys, signer)
  }

  /** Enrols a member. */
  async member(name: string, roles = ['agent'], identity?: Identity): Promise<TransportMember> {
    const own = identity ?? (await generateIdentity())
    const serial = randomBytes(16).toString('base64url')
    const credential = await signCredential(this.#signer, {
      iss: this.keys.meshId,
      sub: own.peerId,
      serial,
      jti: serial,
      name,
      roles,
      tags: [],
      iat: seconds(),
      exp: seconds() + 3600,
    })
    const record = await signRecord(own.signer, {
      incarnation: Date.now(),
      addrs: [],
      homeRelays: [],
      services: [],
      serial,
    })
    const { revoked: peerIds, ended, endedSerials: serials } = this
    const head = { keys: this.keys, revocations: { peerIds, serials, ended } }
    const ports = {
      identity: own,
      hello: () => ({ versions: [1], credential, record }),
      admit: (hello: Parameters<typeof admit>[0], peerId: string) => admit(hello, peerId, head, Date.now()),
    }
    return { identity: own, name, serial, ports }
  }

  /** Starts a transport of a member, listening on loopback by default. */
  async start(member: TransportMember, init: Partial<TransportInit> = {}): Promise<Transport> {
    const transport = await createTransport({
      ...member.ports,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      onError: error => this.errors.push(error),
      onRefused: (peerId, reason) => this.refusals.push({ at: member.identity.peerId, peerId, reason }),
      ...init,
    })
    this.#transports.push(transport)
    await transport.start()
    return transport
  }

  /** Enrols and starts. */
  async join(name: string, init: Partial<TransportInit> = {}): Promise<Transport> {
    return this.start(await this.member(name), init)
  }

  /** Enrols and starts two, the one with the lower peer id first. */
  async pair(): Promise<[Transport, Transport]> {
    const [a, b] = [await this.join('a'), await this.join('b')]
    return a.peerId < b.peerId ? [a, b] : [b, a]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#transports.map(transport => transport.stop()))
  }

  /** Stops all. @throws AssertionError where something failed that no caller waited for */
  async end(): Promise<void> {
    await this.stop()
    assert.deepEqual(this.errors, [])
  }
}

export const targetOf = (transport: Transport, relays: DialTarget['relays'] = []): DialTarget => ({
  peerId: transport.peerId,
  addrs: transport.addresses(),
  relays,
})
