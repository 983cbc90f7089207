/**
 * Two members compare what they know: the hashes of the shards first, then what they hold in those that differ, at last the evidence
 * that one of them lacks. This ends what floods missed: partitions, pauses, members that start.
 */
import { swimLimits, swimShards, type Held, type MemberKey, type SwimMessage } from '@agent-mesh/protocol'
import { compareEvidence } from './evidence.ts'
import type { SwimEffect } from './effects.ts'
import { shardOf, type Ledger } from './ledger.ts'
import type { Rumours } from './rumours.ts'

/** Members whose evidence is sent for one digest: the next one brings more. */
const sentAtOnce = 200

export interface DigestsInit {
  ledger: Ledger
  rumours: Pick<Rumours, 'tell'>
  emit: (effect: SwimEffect) => void
}

const nameOf = ({ high, low }: MemberKey): number => high * 2 ** 21 + (low >>> 11)

export class Digests {
  readonly #init: DigestsInit

  constructor(init: DigestsInit) {
    this.#init = init
  }

  begin(to: string): void {
    this.#send(to, { kind: 'digest', hashes: this.#init.ledger.hashes.slice() })
  }

  /** Answers with what this member holds where its hashes differ from those of the other. */
  compare(from: string, hashes: Uint32Array): void {
    const own = this.#init.ledger.hashes
    let shards = 0
    for (let shard = 0; shard < swimShards; shard++)
      if (own[2 * shard] !== hashes[2 * shard] || own[2 * shard + 1] !== hashes[2 * shard + 1])
        shards |= 1 << shard
    if (shards === 0) return
    const held: Held[] = []
    for (const [, key, { incarnation, state }] of this.#init.ledger)
      if ((shards & (1 << shardOf(key))) !== 0 && held.length < swimLimits.held)
        held.push({ key, incarnation, state })
    this.#send(from, { kind: 'held', shards, held })
  }

  /** The other holds this: sends what is newer here, and asks for what is newer there. */
  exchange(from: string, shards: number, held: readonly Held[]): void {
    const theirs = new Map(held.map(each => [nameOf(each.key), each]))
    const tell: string[] = []
    for (const [peerId, key, evidence] of this.#init.ledger) {
      if ((shards & (1 << shardOf(key))) === 0) continue
      const their = theirs.get(nameOf(key))
      const order = their === undefined ? 1 : compareEvidence(evidence, their)
      if (order >= 0) theirs.delete(nameOf(key))
      if (order > 0 && tell.length < sentAtOnce) tell.push(peerId)
    }
    if (tell.length > 0) this.#init.rumours.tell(from, tell)
    const keys = [...theirs.values()].slice(0, sentAtOnce).map(({ key }) => key)
    if (keys.length > 0) this.#send(from, { kind: 'want', keys })
  }

  answer(from: string, keys: readonly MemberKey[]): void {
    const wanted = new Set(keys.slice(0, sentAtOnce).map(nameOf))
    const tell: string[] = []
    for (const [peerId, key] of this.#init.ledger) if (wanted.has(nameOf(key))) tell.push(peerId)
    this.#init.rumours.tell(from, tell)
  }

  #send(to: string, message: SwimMessage): void {
    this.#init.emit({ type: 'send', to, message })
  }
}
