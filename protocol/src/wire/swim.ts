/**
 * Messages of failure detection, each the body of one frame `swim` of a link (docs/wire.md). Flow, between members that have a link:
 *
 *   watcher -> co-watchers   accuse    a probe was not answered: probe it, too
 *   co-watcher -> accuser    vouch     it was heard since; silence is answered by an `accuse` of its own
 *   any -> all links         news      deaths, farewells and new records: once on each link
 *   any -> any               digest    hashes of what its sender knows; equal hashes end the exchange
 *   any -> any               held      what its sender knows in the shards that differ, without proof
 *   any -> any               want      names of members whose evidence the other has; answered by `news`
 *
 * Only a document signed by a member says that it is alive.
 */
import { MeshError } from '../errors.ts'
import { getU16, getU32, putU16, putU32 } from './integers.ts'

/** Codes of the wire; their order is that of the merge at one incarnation. */
export const memberStates = { alive: 0, dead: 2, left: 3 } as const
export type MemberState = keyof typeof memberStates

/** What is known of a member beyond doubt. */
export interface Evidence {
  /** Of the record that it is about: only the owner raises it. At most 2^48 - 1. */
  readonly incarnation: number
  readonly state: MemberState
  /** Signed by the member itself: its record and credential, or for `left` its farewell. A death has none. */
  readonly proof?: string | undefined
  /** The member that judged it dead. */
  readonly by?: string | undefined
}

export interface News extends Evidence {
  readonly peerId: string
}

/** The first 8 bytes of SHA-256 of a peer id, as two u32. */
export interface MemberKey {
  readonly high: number
  readonly low: number
}

export interface Held {
  readonly key: MemberKey
  readonly incarnation: number
  readonly state: MemberState
}

export type SwimMessage =
  | {
      readonly kind: 'accuse'
      readonly about: string
      readonly incarnation: number
      /** The accused closed its side of the link. */
      readonly closed: boolean
    }
  | { readonly kind: 'vouch'; readonly about: string; readonly incarnation: number }
  | { readonly kind: 'news'; readonly news: readonly News[] }
  /** Two u32 for each shard. */
  | { readonly kind: 'digest'; readonly hashes: Uint32Array }
  /** Bit n of `shards`: all of shard n is listed. `reply`: its receiver has sent its own. */
  | { readonly kind: 'held'; readonly shards: number; readonly held: readonly Held[] }
  | { readonly kind: 'want'; readonly keys: readonly MemberKey[] }

/** Shards of a digest: those of the map. */
export const swimShards = 16

export const swimLimits = {
  /** News in one message. */
  news: 20,
  /** A record of 1 KiB and a credential of 2 KiB, as JSON. */
  proofBytes: 4_096,
  /** Entries in one message: a mesh of 5,000. */
  held: 5_120,
} as const

const kinds = { accuse: 1, vouch: 2, news: 3, digest: 4, held: 5, want: 6 } as const
const states = new Map<number, MemberState>(
  Object.entries(memberStates).map(([name, code]) => [code, name as MemberState]),
)
const heldBytes = 15

/** Appends fields to a buffer of exactly their size. */
class Writer {
  readonly bytes: Buffer
  #at = 0

  constructor(size: number) {
    this.bytes = Buffer.alloc(size)
  }

  u8(value: number): void {
    this.bytes[this.#at++] = value
  }

  u16(value: number): void {
    putU16(this.bytes, this.#at, value)
    this.#at += 2
  }

  u32(value: number): void {
    putU32(this.bytes, this.#at, value)
    this.#at += 4
  }

  u48(value: number): void {
    this.u16(Math.floor(value / 2 ** 32))
    this.u32(value >>> 0)
  }

  /** ASCII. */
  text(value: string): void {
    this.#at += this.bytes.write(value, this.#at, 'latin1')
  }

  name(value: string): void {
    this.u8(value.length)
    this.text(value)
  }
}

const newsBytes = ({ peerId, by = '', proof = '' }: News): number =>
  11 + peerId.length + by.length + proof.length

/** Bytes of the encoded message. */
export function swimBytes(message: SwimMessage): number {
  switch (message.kind) {
    case 'accuse':
      return 9 + message.about.length
    case 'vouch':
      return 8 + message.about.length
    case 'news':
      return message.news.reduce((sum, news) => sum + newsBytes(news), 2)
    case 'digest':
      return 1 + 8 * swimShards
    case 'held':
      return 5 + heldBytes * message.held.length
    case 'want':
      return 3 + 8 * message.keys.length
  }
}

/** Peer ids and proofs are ASCII. */
export function encodeSwim(message: SwimMessage): Buffer {
  const to = new Writer(swimBytes(message))
  to.u8(kinds[message.kind])
  switch (message.kind) {
    case 'accuse':
      to.u8(Number(message.closed))
      to.u48(message.incarnation)
      to.name(message.about)
      break
    case 'vouch':
      to.u48(message.incarnation)
      to.name(message.about)
      break
    case 'news':
      to.u8(message.news.length)
      for (const news of message.news) putNews(to, news)
      break
    case 'digest':
      for (const hash of message.hashes) to.u32(hash)
      break
    case 'held':
      to.u16(message.shards)
      to.u16(message.held.length)
      for (const { key, incarnation, state } of message.held) {
        putKey(to, key)
        to.u48(incarnation)
        to.u8(memberStates[state])
      }
      break
    case 'want':
      to.u16(message.keys.length)
      for (const key of message.keys) putKey(to, key)
      break
  }
  return to.bytes
}

function putNews(to: Writer, { peerId, incarnation, state, by = '', proof = '' }: News): void {
  to.u8(memberStates[state])
  to.u48(incarnation)
  to.name(peerId)
  to.name(by)
  to.u16(proof.length)
  to.text(proof)
}

function putKey(to: Writer, { high, low }: MemberKey): void {
  to.u32(high)
  to.u32(low)
}

/** Reads fields; beyond the end it throws. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(): number {
    return this.#bytes[this.#skip(1)] ?? 0
  }

  u16(): number {
    return getU16(this.#bytes, this.#skip(2))
  }

  u32(): number {
    return getU32(this.#bytes, this.#skip(4))
  }

  u48(): number {
    return this.u16() * 2 ** 32 + this.u32()
  }

  name(): string {
    return this.text(this.u8())
  }

  text(size: number): string {
    const at = this.#skip(size)
    return this.#bytes.toString('latin1', at, at + size)
  }

  #skip(size: number): number {
    const at = this.#at
    this.#at += size
    if (this.#at > this.#bytes.length) throw malformed(`it ends after ${this.#bytes.length} bytes`)
    return at
  }
}

const malformed = (what: string): MeshError =>
  new MeshError('protocol_error', `Cannot parse swim message: ${what}`)

/**
 * Bytes behind the known fields are ignored.
 * @returns undefined for a kind that this version does not know @throws MeshError protocol_error
 */
export function decodeSwim(bytes: Buffer): SwimMessage | undefined {
  const from = new Reader(bytes)
  switch (from.u8()) {
    case kinds.accuse:
      return { kind: 'accuse', closed: (from.u8() & 1) === 1, incarnation: from.u48(), about: peer(from) }
    case kinds.vouch:
      return { kind: 'vouch', incarnation: from.u48(), about: peer(from) }
    case kinds.news:
      return { kind: 'news', news: many(from.u8(), swimLimits.news, 'news', () => getNews(from)) }
    case kinds.digest:
      return { kind: 'digest', hashes: Uint32Array.from({ length: 2 * swimShards }, () => from.u32()) }
    case kinds.held: {
      const shards = from.u16()
      return { kind: 'held', shards, held: many(from.u16(), swimLimits.held, 'members', () => getHeld(from)) }
    }
    case kinds.want:
      return { kind: 'want', keys: many(from.u16(), swimLimits.held, 'keys', () => getKey(from)) }
    default:
      return undefined
  }
}

function many<T>(count: number, most: number, what: string, read: () => T): T[] {
  if (count > most) throw malformed(`${count} ${what}, the limit is ${most}`)
  return Array.from({ length: count }, read)
}

function peer(from: Reader): string {
  const name = from.name()
  if (name === '') throw malformed('a peer id of no bytes')
  return name
}

function state(from: Reader): MemberState {
  const code = from.u8()
  const known = states.get(code)
  if (known === undefined) throw malformed(`state ${code}`)
  return known
}

const getKey = (from: Reader): MemberKey => ({ high: from.u32(), low: from.u32() })

const getHeld = (from: Reader): Held => ({ key: getKey(from), incarnation: from.u48(), state: state(from) })

function getNews(from: Reader): News {
  const known = { state: state(from), incarnation: from.u48(), peerId: peer(from) }
  const by = from.name()
  const size = from.u16()
  if (size > swimLimits.proofBytes) throw malformed(`a proof of ${size} bytes`)
  const proof = from.text(size)
  if (known.state !== 'dead' && proof === '') throw malformed(`${known.state} without proof`)
  return { ...known, ...(by !== '' && { by }), ...(proof !== '' && { proof }) }
}
