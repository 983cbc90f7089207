/** The member record of this member, signed under numbers that only rise. */
import { limits, nextIncarnation, signRecord, type MemberRecord, type Signer } from '@agent-mesh/protocol'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'

/** What a member decides to say of itself. */
export type RecordFields = Pick<MemberRecord, 'addrs' | 'homeRelays' | 'services' | 'region' | 'zone'>

export interface OwnRecordInit {
  signer: Signer
  store: Pick<MemberStore, 'get' | 'set'>
  clock: Pick<Clock, 'now'>
  /** Of the enrolment. */
  serial: string
}

export interface SignedRecord {
  record: MemberRecord
  jws: string
}

/** Whether others take a record with this incarnation, if their clock says the same as this one. */
export const isCredible = (incarnation: number, now: number): boolean => incarnation <= now + limits.futureMs

/**
 * Signs with the next incarnation, remembered before anybody sees it.
 * @param above it is higher than that @param exactly it is that
 */
export async function signNext(
  { signer, store, clock, serial }: OwnRecordInit,
  fields: RecordFields,
  above: number,
  exactly?: number,
): Promise<SignedRecord> {
  const now = clock.now()
  const stored = Number(store.get('incarnation') ?? 0)
  // Signed while the clock was far ahead, and refused by all: going on from it would be refused for as long.
  const usable = isCredible(stored, now) ? stored : 0
  const incarnation = exactly ?? nextIncarnation(Math.max(usable, above), now)
  const record = { ...fields, incarnation, serial }
  const jws = await signRecord(signer, record)
  store.set('incarnation', String(incarnation))
  return { record, jws }
}
