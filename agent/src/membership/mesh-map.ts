/** The map: members in memory over the store on disk, brought up to date page by page. */
import { setImmediate as turn } from 'node:timers/promises'
import {
  formatMapCursor,
  isRemoval,
  limits,
  parseMapCursor,
  shardOf,
  type MapChange,
  type MapCursor,
  type MapPage,
  type Peer,
} from '@agent-mesh/protocol'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { Listeners } from '../core/listeners.ts'
import type { HeadKeeper } from './head-keeper.ts'
import { MemberIndex, type MapMember } from './member-index.ts'
import { digestOf, verifyPair } from './map-pair.ts'
import type { MemberStore } from './member-store.ts'
import { furthest, readCursor } from './stored-cursor.ts'

export interface MeshMapInit {
  store: MemberStore
  head: HeadKeeper
  log: Logger
  clock: Clock
}

/** One incarnation, two records: its owner broke the rule, or two processes have its key. */
export interface RecordConflict {
  peerId: string
  incarnation: number
  /** SHA-256 of both records. */
  kept: string
  other: string
}

/** Reads the map from disk. */
export async function openMeshMap(init: MeshMapInit): Promise<MeshMap> {
  const map = new MeshMap(init)
  await map.load()
  return map
}

/** Changes whose signatures are checked in one turn of the event loop: at 0.25 ms each, calls wait 5 ms for them. */
const changesATurn = 20

export class MeshMap {
  readonly #store: MemberStore
  readonly #head: HeadKeeper
  readonly #log: Logger
  readonly #clock: Clock
  readonly #index = new MemberIndex()
  readonly #changed: Listeners<readonly MapChange[]>
  readonly #conflicting: Listeners<RecordConflict>
  readonly #restarted: Listeners<void>
  readonly #forgotten: Listeners<readonly string[]>
  /** SHA-256 of each record as it was signed. */
  readonly #digests = new Map<string, string>()
  #cursor: MapCursor | undefined
  /** Peer ids not yet seen again since a restart; undefined when none is under way. */
  #unseen: Set<string> | undefined
  /** Whether pairs are on disk that are from after the time of this clock. */
  #early = false
  /** Pages come from several relays: one is merged after the other. */
  #merging: Promise<void> = Promise.resolve()

  constructor({ store, head, log, clock }: MeshMapInit) {
    this.#store = store
    this.#head = head
    this.#log = log
    this.#clock = clock
    const failed = (err: unknown) =>
      log.error({ event: 'listener-failed', err }, 'a listener of the map failed')
    this.#changed = new Listeners(failed)
    this.#conflicting = new Listeners(failed)
    this.#restarted = new Listeners(failed)
    this.#forgotten = new Listeners(failed)
    this.#cursor = readCursor(store.get('cursor'))
  }

  /** After the changes are in the map and on disk. @returns how to stop listening */
  onChange(listener: (changes: readonly MapChange[]) => void): () => void {
    return this.#changed.add(listener)
  }

  /** Called for two records of one incarnation with different bytes. @returns how to stop listening */
  onConflict(listener: (conflict: RecordConflict) => void): () => void {
    return this.#conflicting.add(listener)
  }

  /** Called when everything is to be read anew: after a long absence, or the control plane's store was restored. */
  onRestart(listener: () => void): () => void {
    return this.#restarted.add(listener)
  }

  /** Called with the peer ids that a map read anew did not name: no change removed them. @returns how to stop listening */
  onForget(listener: (peerIds: readonly string[]) => void): () => void {
    return this.#forgotten.add(listener)
  }

  get size(): number {
    return this.#index.size
  }

  /** After which changes to ask; undefined at the beginning. */
  get cursor(): string | undefined {
    return this.#cursor === undefined ? undefined : formatMapCursor(this.#cursor)
  }

  get(peerId: string): MapMember | undefined {
    return this.#index.get(peerId)
  }

  /** By peer id or name. */
  find(key: string): MapMember | undefined {
    return this.#index.get(key) ?? this.#index.byName(key)
  }

  /** Members whose record lists `math@2`, or any version of `math`. */
  providers(service: string): MapMember[] {
    return this.#index.providers(service)
  }

  /** Versions of `math` that records list. */
  versions(name: string): number[] {
    return this.#index.versions(name)
  }

  members(): MapMember[] {
    return this.#index.all()
  }

  async load(): Promise<void> {
    let count = 0
    for (const change of this.#store.changes()) {
      await this.#merge(change)
      if (++count % changesATurn === 0) await turn()
    }
  }

  /** The clock was set: takes from the disk what was too early for it before. */
  clockSet(): Promise<void> {
    const done = this.#merging.then(() => this.#takeEarly())
    this.#merging = done.catch(() => undefined)
    return done
  }

  async #takeEarly(): Promise<void> {
    if (!this.#early) return
    this.#early = false
    const taken: MapChange[] = []
    for (const change of this.#store.changes()) {
      if (isRemoval(change) || this.#digests.get(change.peerId) === digestOf(change.record)) continue
      if ((await this.#merge(change)) === 'taken') taken.push(change)
    }
    if (taken.length > 0) this.#changed.emit(taken)
  }

  /** Merges a page; what does not verify is left out and logged. */
  apply(page: MapPage): Promise<void> {
    const done = this.#merging.then(() => this.#apply(page))
    this.#merging = done.catch(() => undefined)
    return done
  }

  /**
   * Stores the pair of an admitted peer if it is newer than the known one: without relay and control plane there is no
   * other source. @returns whether it was newer
   */
  meet(peer: Pick<Peer, 'peerId' | 'credential' | 'record' | 'signed'>): Promise<boolean> {
    const done = this.#merging.then(() => this.#meet(peer))
    this.#merging = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }

  async #meet({ peerId, credential, record, signed }: Parameters<MeshMap['meet']>[0]): Promise<boolean> {
    if (record === undefined || signed.record === undefined) return false
    const known = this.#index.get(peerId)
    const sameEnrolment = known?.credential.serial === credential.serial
    if (sameEnrolment && this.#outranks(known, record)) return false
    const { serial } = credential
    const pair = { peerId, record: signed.record, credential: signed.credential }
    if (!this.#store.meet({ ...pair, serial })) return false
    this.#digests.set(peerId, digestOf(signed.record))
    this.#index.insert({ peerId, name: credential.name, credential, record })
    this.#changed.emit([{ ...pair, shard: await shardOf(peerId), v: 0 }])
    return true
  }

  /** The cursor became foreign: what the next full sync does not name is forgotten. */
  restart(): void {
    this.#cursor = undefined
    this.#unseen = new Set(this.#index.all().map(member => member.peerId))
    this.#restarted.emit()
  }

  async #apply(page: MapPage): Promise<void> {
    const next = parseMapCursor(page.next)
    const fresh = page.changes.filter(change => this.#isNews(change, next.epoch))
    const taken: MapChange[] = []
    const kept: MapChange[] = []
    const outdone: MapChange[] = []
    for (const [i, change] of fresh.entries()) {
      if (i > 0 && i % changesATurn === 0) await turn()
      const merged = await this.#merge(change)
      if (merged === 'taken') taken.push(change)
      if (merged !== 'refused') kept.push(change)
      else if (this.#index.get(change.peerId) !== undefined) outdone.push(change)
      this.#unseen?.delete(change.peerId)
    }
    this.#cursor = furthest(this.#cursor, next)
    this.#store.apply(kept, formatMapCursor(this.#cursor), outdone)
    if (!page.more) this.#forgetUnseen()
    if (taken.length > 0) this.#changed.emit(taken)
  }

  #isNews({ shard, v }: MapChange, epoch: string): boolean {
    return this.#cursor?.epoch !== epoch || v > (this.#cursor.v[shard] ?? 0)
  }

  #forgetUnseen(): void {
    const forgotten = this.#unseen
    this.#unseen = undefined
    if (forgotten === undefined || forgotten.size === 0) return
    for (const peerId of forgotten) this.#remove(peerId)
    this.#store.forget(forgotten)
    this.#forgotten.emit([...forgotten])
  }

  /** `early`: to be kept on disk, and taken when the clock has its time. */
  async #merge(change: MapChange): Promise<'taken' | 'early' | 'refused'> {
    const known = this.#index.get(change.peerId)
    if (isRemoval(change)) {
      if (known?.credential.serial === change.gone) this.#remove(change.peerId)
      return 'taken'
    }
    try {
      const member = await verifyPair(change, this.#head.current.keys)
      if (!this.#isCredible(member.record)) return this.#noteEarly(member)
      const sameEnrolment = known?.credential.serial === member.credential.serial
      const equal = sameEnrolment && known.record.incarnation === member.record.incarnation
      if (sameEnrolment && !equal && this.#outranks(known, member.record)) return 'refused'
      const digest = digestOf(change.record)
      if (equal && !this.#prevails(member, digest)) return 'refused'
      this.#digests.set(member.peerId, digest)
      this.#index.insert(member)
      return 'taken'
    } catch (error) {
      this.#log.warn(
        { event: 'pair-refused', peerId: change.peerId, err: error },
        'left out a pair of the map that does not verify',
      )
      return 'refused'
    }
  }

  #isCredible({ incarnation }: MapMember['record']): boolean {
    return incarnation <= this.#clock.now() + limits.futureMs
  }

  /** Whether the known record is at least as new; one from after tomorrow, signed by a wrong clock, is not. */
  #outranks(known: MapMember, record: MapMember['record']): boolean {
    return known.record.incarnation >= record.incarnation && this.#isCredible(known.record)
  }

  #noteEarly({ peerId, record: { incarnation } }: MapMember): 'early' {
    const text = 'a record is more than a day ahead of this clock; it waits for its time'
    if (!this.#early) this.#log.warn({ event: 'record-early', peerId, incarnation }, text)
    this.#early = true
    return 'early'
  }

  #remove(peerId: string): void {
    this.#index.remove(peerId)
    this.#digests.delete(peerId)
  }

  /** Of one incarnation the smaller hash wins, wherever they are met first: all members end with the same record. */
  #prevails({ peerId, record: { incarnation } }: MapMember, digest: string): boolean {
    const known = this.#digests.get(peerId)
    if (known === undefined || known === digest) return true
    const [kept = '', other = ''] = [known, digest].sort()
    this.#conflicting.emit({ peerId, incarnation, kept, other })
    return kept === digest
  }
}
