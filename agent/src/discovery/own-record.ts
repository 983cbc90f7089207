/** The member record of this member, signed under numbers that only rise. */
import {
  limits,
  MeshError,
  nextIncarnation,
  signRecord,
  type MemberRecord,
  type Signer,
} from '@agent-mesh/protocol'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'

/** The fields that a member sets in its record. */
export type RecordFields = Pick<
  MemberRecord,
  'addrs' | 'homeRelays' | 'homeRttMs' | 'services' | 'region' | 'zone'
>

export interface OwnRecordInit {
  signer: Signer
  store: Pick<MemberStore, 'get' | 'set'>
  clock: Pick<Clock, 'now' | 'monotonic'>
  /** Of the enrolment. */
  serial: string
  /** The fields of the first record. */
  fields: RecordFields
}

export interface SignedRecord {
  record: MemberRecord
  jws: string
  /** When it was signed, monotonic ms. */
  at: number
}

/** Which number the next signature takes. */
export interface Numbering {
  /** Nothing is signed when the newest record says it all and has a higher incarnation than this. @default 0 */
  known?: number
  /** The new incarnation is higher than this, too. @default 0 */
  above?: number
  /** The new incarnation, regardless of the others. */
  exactly?: number | undefined
}

/** Whether others accept a record with this incarnation, if their clock agrees with this one. */
export const isCredible = (incarnation: number, now: number): boolean => incarnation <= now + limits.futureMs

export class OwnRecord {
  readonly #signer: Signer
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #store: Pick<MemberStore, 'get' | 'set'>
  readonly #serial: string
  #fields: RecordFields
  #signed: SignedRecord | undefined
  #signedFields: RecordFields
  readonly #onSigned: ((record: MemberRecord) => void)[] = []
  /** One signature after the other: each takes the fields as they are then, under a number of its own. */
  #signing: Promise<void> = Promise.resolve()

  constructor(init: OwnRecordInit) {
    this.#signer = init.signer
    this.#clock = init.clock
    this.#store = init.store
    this.#serial = init.serial
    this.#fields = init.fields
    this.#signedFields = init.fields
  }

  get peerId(): string {
    return this.#signer.kid
  }

  /** The fields of the next signature. */
  get fields(): RecordFields {
    return this.#fields
  }

  /** As signed last; undefined before the first time. */
  get signed(): SignedRecord | undefined {
    return this.#signed
  }

  /** Of the record signed last; 0 before the first time. */
  get incarnation(): number {
    return this.#signed?.record.incarnation ?? 0
  }

  /** Changes the fields. @throws MeshError when no record can hold them; then the fields stay */
  async change(change: Partial<RecordFields>, numbering: Numbering): Promise<void> {
    this.#fields = { ...this.#fields, ...change }
    try {
      await this.sign(numbering)
    } catch (error) {
      // It must not keep the next change, new home relays say, from being published.
      if (error instanceof MeshError) this.#fields = this.#signedFields
      throw error
    }
  }

  /** Signs, unless the newest record has these fields. */
  sign({ known = 0, above = 0, exactly }: Numbering): Promise<void> {
    const signing = this.#signing.then(async () => {
      const fields = this.#fields
      const current =
        this.#signed !== undefined && JSON.stringify(this.#signedFields) === JSON.stringify(fields)
      if (current && exactly === undefined && this.incarnation > known) return
      this.#signed = await this.#signNext(fields, Math.max(known, above), exactly)
      this.#signedFields = fields
      for (const listener of this.#onSigned) listener(this.#signed.record)
    })
    this.#signing = signing.catch(() => undefined)
    return signing
  }

  /** Calls back with each record once it is signed and stored. */
  onSigned(listener: (record: MemberRecord) => void): void {
    this.#onSigned.push(listener)
  }

  /** Resolves when nothing is being signed. */
  settled(): Promise<void> {
    return this.#signing
  }

  /** The next incarnation is stored before it is published. */
  async #signNext(fields: RecordFields, above: number, exactly?: number): Promise<SignedRecord> {
    const now = this.#clock.now()
    const stored = Number(this.#store.get('incarnation') ?? 0)
    // Signed while the clock was far ahead, and refused by all: a higher incarnation would be refused as well.
    const usable = isCredible(stored, now) ? stored : 0
    const incarnation = exactly ?? nextIncarnation(Math.max(usable, above), now)
    const record = { ...fields, incarnation, serial: this.#serial }
    const jws = await this.#fitting(record)
    this.#store.set('incarnation', String(incarnation))
    return { record, jws, at: this.#clock.monotonic() }
  }

  /** Round trips are hints: a record that has no room for them does without. */
  async #fitting(record: MemberRecord): Promise<string> {
    try {
      return await signRecord(this.#signer, record)
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'too_large' || record.homeRttMs === undefined)
        throw error
      delete record.homeRttMs
      return signRecord(this.#signer, record)
    }
  }
}
