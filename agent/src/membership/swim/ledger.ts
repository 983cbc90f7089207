/**
 * The evidence of all members, in sixteen shards (those of the map: the first 4 bits of SHA-256 of the peer id), each with a hash
 * that changes by one entry at a time. Two ledgers with equal hashes hold the same.
 */
import { createHash } from 'node:crypto'
import { memberStates, swimShards as shardCount, type Evidence, type MemberKey } from '@agent-mesh/protocol'
import { compareEvidence } from './evidence.ts'

interface Entry {
  readonly key: MemberKey
  readonly evidence: Evidence
}

/** How digests name a member. */
export function memberKey(peerId: string): MemberKey {
  const hash = createHash('sha256').update(peerId).digest()
  return { high: hash.readUInt32BE(0), low: hash.readUInt32BE(4) }
}

export const shardOf = ({ high }: MemberKey): number => high >>> 28

/** The finalizer of MurmurHash3: each bit of the input changes half of the output. */
function mixed(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Two u32 that stand for one entry in the hash of its shard. */
export function entryHash(key: MemberKey, { incarnation, state }: Evidence): readonly [number, number] {
  const high = Math.floor(incarnation / 2 ** 32)
  const salt = mixed(high ^ Math.imul(memberStates[state] + 1, 0x9e3779b1))
  return [mixed(key.high ^ mixed(incarnation ^ salt)), mixed(key.low ^ mixed(~incarnation ^ salt))]
}

export class Ledger {
  readonly #base: Ledger | undefined
  readonly #entries = new Map<string, Entry>()
  /** Two u32 a shard. */
  readonly #hashes = new Uint32Array(2 * shardCount)

  /** @param base what several ledgers have in common; not to be changed from now on */
  constructor(base?: Ledger) {
    this.#base = base
    if (base !== undefined) this.#hashes.set(base.#hashes)
  }

  /** Two u32 for each shard; a view that changes with the ledger. */
  get hashes(): Uint32Array {
    return this.#hashes
  }

  get(peerId: string): Evidence | undefined {
    return this.#entry(peerId)?.evidence
  }

  /** @returns whether it was news */
  merge(peerId: string, evidence: Evidence): boolean {
    const known = this.#entry(peerId)
    if (known !== undefined && compareEvidence(evidence, known.evidence) <= 0) return false
    const key = known?.key ?? memberKey(peerId)
    const shard = shardOf(key)
    if (known !== undefined) this.#toggle(shard, key, known.evidence)
    this.#toggle(shard, key, evidence)
    this.#entries.set(peerId, { key, evidence })
    return true
  }

  /** The map no longer names it: nothing is known of it from now on. */
  forget(peerId: string): void {
    const known = this.#entries.get(peerId)
    if (known === undefined || !this.#entries.delete(peerId)) return
    this.#toggle(shardOf(known.key), known.key, known.evidence)
  }

  *[Symbol.iterator](): Generator<readonly [string, MemberKey, Evidence]> {
    for (const [peerId, { key, evidence }] of this.#entries) yield [peerId, key, evidence]
    for (const entry of this.#base ?? []) if (!this.#entries.has(entry[0])) yield entry
  }

  #entry(peerId: string): Entry | undefined {
    return this.#entries.get(peerId) ?? (this.#base === undefined ? undefined : this.#base.#entry(peerId))
  }

  #toggle(shard: number, key: MemberKey, evidence: Evidence): void {
    const [a, b] = entryHash(key, evidence)
    this.#hashes[2 * shard] = (this.#hashes[2 * shard] ?? 0) ^ a
    this.#hashes[2 * shard + 1] = (this.#hashes[2 * shard + 1] ?? 0) ^ b
  }
}
