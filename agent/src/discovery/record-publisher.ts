/**
 * Publishes the own member record to the control plane, however long that is unreachable. The record is signed again when one of its
 * fields changes, with an incarnation above all other records of this member.
 */
import { MeshError, toMeshError, verifyRecord, type MemberRecord } from '@agent-mesh/protocol'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { atMost } from '../core/at-most.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import { discoveryDefaults } from './defaults.ts'
import { isCredible, type OwnRecord, type RecordFields } from './own-record.ts'
import { PublishPace } from './publish-pace.ts'
import { Rival } from './rival.ts'

export interface RecordPublisherInit {
  own: OwnRecord
  client: Pick<ControlPlaneClient, 'publish' | 'member'>
  clock: Clock
  log: Logger
  /** Whether the signed list of revocations names this member: an unsigned answer that says so is no proof. Never rejects. */
  isRevoked: (signal: AbortSignal) => Promise<boolean>
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
}

/** A member that the signed list revokes is refused permanently: no retry. */
const worthTelling = (error: unknown): boolean => !(error instanceof MeshError && error.code === 'revoked')

export class RecordPublisher {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #client: Pick<ControlPlaneClient, 'publish' | 'member'>
  readonly #isRevoked: (signal: AbortSignal) => Promise<boolean>
  readonly #stopping = new AbortController()
  readonly #pace: PublishPace
  readonly #own: OwnRecord
  #published = ''
  /** Incarnation of the published record; 0 before the first. */
  #taken = 0
  /** Whether it raised its incarnation above another record, and the result was not accepted yet. */
  #raised = false
  /** Whether the control plane may have lost the published record. */
  #toTell = false
  #answered = false
  #withdrawn = false
  #started = false
  #refusal: MeshError | undefined
  readonly #rival: Rival
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(init: RecordPublisherInit) {
    this.#clock = init.clock
    this.#log = init.log
    this.#client = init.client
    this.#isRevoked = init.isRevoked
    this.#own = init.own
    const { clock, random = Math.random } = init
    this.#pace = new PublishPace({ now: () => clock.monotonic(), random, signal: this.#stopping.signal })
    this.#rival = new Rival({
      clock: init.clock,
      random: init.random,
      published: () => this.published,
      publish: (known, exactly) => {
        this.#sign(known, exactly).then(
          () => this.schedule(),
          (err: unknown) => init.log.error({ event: 'record-not-signed', err }, 'member record not signed'),
        )
      },
    })
  }

  /** Signs the first record of this start, and begins to publish it. @param change fields beside those that are known */
  async start(change: Partial<RecordFields> = {}): Promise<void> {
    await this.#own.change(change, {})
    this.#started = true
    this.schedule()
  }

  /** The record last signed; undefined before the start. */
  get jws(): string | undefined {
    return this.#own.signed?.jws
  }

  /** The record last signed. @throws MeshError internal before the start */
  get record(): MemberRecord {
    const { signed } = this.#own
    if (signed !== undefined) return signed.record
    throw new MeshError('internal', 'Cannot tell the member record: none is signed before the start')
  }

  /** Whether the control plane has the newest record. */
  get published(): boolean {
    return this.#published === this.jws && !this.#toTell
  }

  /** Whether it refused the newest record, or has not taken it for longer than the pace of records and an exchange last. */
  get overdue(): boolean {
    const waitedMs = this.#clock.monotonic() - (this.#own.signed?.at ?? 0)
    return !this.published && (this.#refusal !== undefined || waitedMs > discoveryDefaults.publishLateMs)
  }

  /** Whether the control plane answered the last publication, if only with a refusal. */
  get answered(): boolean {
    return this.#answered
  }

  /** Why the control plane refused the newest record, if it did. */
  get refusal(): MeshError | undefined {
    return this.#refusal
  }

  /** Changes fields: signs at once, and publishes soon, together with changes that follow immediately. */
  async update(change: Partial<RecordFields>): Promise<void> {
    await this.#own.change(
      { ...change, ...(this.#withdrawn ? { services: [] } : {}) },
      { above: this.#taken },
    )
    this.schedule()
  }

  /** Lists no services from now on. Resolves when that record is signed. */
  async emptied(): Promise<void> {
    this.#withdrawn = true
    await this.update({})
  }

  /** As {@link emptied}. Resolves when the control plane has that record, after `limitMs` at the latest. */
  async withdraw(limitMs: number): Promise<void> {
    await this.emptied()
    clearTimeout(this.#timer)
    this.#pace.hurry()
    this.#running ??= this.#publishAll().finally(() => (this.#running = undefined))
    await atMost(limitMs, this.#running)
  }

  /** Calls back when another process published with the own key: this one then stops publishing, so that they do not alternate. */
  onOutdone(listener: (incarnation: number) => void): void {
    this.#rival.onOutdone(listener)
  }

  /** Calls back when this process publishes again because the other one did not answer. */
  onAlone(listener: () => void): void {
    this.#rival.onAlone(listener)
  }

  /** Called when the map has a record of this member with that incarnation. */
  sees(incarnation: number): void {
    // Before the first publication it is a record of an earlier start; an incarnation above the newest is of another process.
    const own = this.#own.incarnation
    if (this.#published !== '' && incarnation > own) this.#rival.sees(incarnation, own)
  }

  /** Calls back with each record once it is signed. */
  onSigned(listener: (record: MemberRecord) => void): void {
    this.#own.onSigned(listener)
  }

  /** Signs a record above this incarnation, which others hold against this member, and publishes it. */
  async raise(above: number): Promise<void> {
    if (!this.#started || this.#own.incarnation > above) return
    await this.#sign(above)
    this.schedule()
  }

  /** Publishes again though nothing changed, so that all members receive the new credential. */
  async again(): Promise<void> {
    if (!this.#started) return
    await this.#sign(this.#own.incarnation)
    this.schedule()
  }

  /** Publishes the newest record again: the control plane may have lost it. The same bytes change nothing there. */
  tellAgain(): void {
    this.#toTell = true
    this.schedule()
  }

  /** Called when the clock was set: signs a record whose time members refuse again, and sends a refused one again at once. */
  async clockSet(): Promise<void> {
    const now = this.#clock.now()
    const signed = this.#own.incarnation
    // Ignores an incarnation that the control plane accepted only because its clock was ahead.
    if (!isCredible(this.#taken, now)) this.#taken = 0
    if (!isCredible(signed, now)) await this.#sign(0, Math.max(this.#taken + 1, now))
    this.schedule()
    this.#pace.wake()
  }

  /** Signs above `known` and above the published incarnation, even when the clock is behind. @param exactly the incarnation to use */
  #sign(known: number, exactly?: number): Promise<void> {
    return this.#own.sign({ known, above: this.#taken, exactly })
  }

  schedule(): void {
    if (!this.#started || this.#stopping.signal.aborted || this.#rival.silences) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      // Assigned here, not inside: with nothing to publish it would end before the assignment, and count as running permanently.
      this.#running ??= this.#publishAll().finally(() => (this.#running = undefined))
    }, discoveryDefaults.publishDelayMs)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#rival.stop()
    clearTimeout(this.#timer)
    await this.#running
    await this.#own.settled()
  }

  async #publishAll(): Promise<void> {
    const { signal } = this.#stopping
    while (!this.published && !this.#rival.silences && !signal.aborted)
      try {
        await this.#pace.turn()
        if (signal.aborted) return
        await this.#publish()
      } catch (err) {
        if (signal.aborted) return
        if (!worthTelling(err)) return this.#log.error({ event: 'record-refused', err }, 'record refused')
        this.#log.warn({ event: 'record-not-published', err }, 'member record not published yet')
        await this.#pace.rest(err)
      }
  }

  async #publish(): Promise<void> {
    const { signed } = this.#own
    if (signed === undefined) return
    const { jws, record } = signed
    try {
      await this.#client.publish(jws, this.#stopping.signal)
      // The same bytes are no change.
      if (jws !== this.#published) this.#pace.taken()
      this.#published = jws
      this.#taken = record.incarnation
      this.#raised = false
      this.#toTell = false
      this.#answered = true
      this.#refusal = undefined
    } catch (failure) {
      const error = toMeshError(failure, 'internal', 'publish member record')
      if (!(await this.#gaveWay(error))) throw await this.#judged(error)
      this.#answered = true
    }
  }

  /**
   * The control plane has a record with a higher incarnation. Raises the own one above a record of an earlier start; stops publishing
   * if the record shows that another process uses the own key now. @returns whether that settled it
   */
  async #gaveWay({ code, details }: MeshError): Promise<boolean> {
    const known = code === 'conflict' ? details?.['incarnation'] : undefined
    if (typeof known !== 'number' || !Number.isSafeInteger(known)) return false
    // No member accepts a record dated more than a day ahead, unless this clock is behind.
    const credible = isCredible(known, this.#clock.now())
    const shown = credible && this.#published === '' ? 0 : await this.#shown()
    if (shown === undefined) return false
    this.sees(shown)
    if (this.#rival.silences) return true
    if (!credible && shown < known) return false
    await this.#sign(known)
    // Forged answers could repeat without end: from the second one on there is a pause.
    const settled = !this.#raised
    this.#raised = true
    return settled
  }

  /** Incarnation of the record at the control plane; 0 when it shows none signed by the own key, undefined when that is not known. */
  async #shown(): Promise<number | undefined> {
    const own = this.#own.peerId
    try {
      const shown = await this.#client.member(own, this.#stopping.signal)
      const { peerId, record } = await verifyRecord(shown.record, Infinity)
      return peerId === own ? record.incarnation : 0
    } catch (error) {
      return error instanceof MeshError && error.code === 'not_found' ? 0 : undefined
    }
  }

  /** Remembers a failure. @returns the error to act on; a revocation needs proof, as over plain http an attacker on the path can answer */
  async #judged(failure: MeshError): Promise<MeshError> {
    const error = await this.#believed(failure)
    this.#answered = error.told && !error.retriable
    this.#refusal = error
    return error
  }

  async #believed(error: MeshError): Promise<MeshError> {
    if (worthTelling(error) || (await this.#isRevoked(this.#stopping.signal))) return error
    return new MeshError(
      'unauthenticated',
      'Cannot believe the answer of the control plane: it says revoked, but its signed list, which forgets after 22 days, does not name this member',
      {
        hint: 'Ask an admin. Over plain http the answer may be forged: use https for the control plane.',
        told: true,
      },
    )
  }
}
