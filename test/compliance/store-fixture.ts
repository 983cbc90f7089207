/** Shared by the store suites: an adjustable clock, and helpers for the rows that they need. */
import { createHash, randomBytes } from 'node:crypto'
import type { Enrolment, NewRecord, NewToken, Store } from '@agent-mesh/lambdas'

export const hour = 3600_000
export const day = 24 * hour

export interface TestClock {
  now(): number
  advance(ms: number): void
}

export const testClock = (): TestClock => {
  let time = Date.UTC(2026, 0, 1)
  return { now: () => time, advance: ms => void (time += ms) }
}

export interface SetupOptions {
  clock: TestClock
  maxMembers?: number
}

export interface MadeStores {
  stores: [Store, ...Store[]]
  /** From now on nothing can be written to the audit chain. @returns a function that ends this */
  breakAudit(): Promise<() => Promise<void>>
  teardown(): Promise<void>
}

/** How a suite gets its adapter: `stores` are one or more handles on the same, empty database. */
export interface StoreSetup {
  setup(options: SetupOptions): Promise<MadeStores>
}

export const newSerial = (): string => randomBytes(16).toString('base64url')
export const newHash = (): string => createHash('sha256').update(randomBytes(32)).digest('base64url')

export const tokenOf = (clock: TestClock, changes: Partial<NewToken> = {}): NewToken => ({
  hash: newHash(),
  roles: ['agent'],
  tags: [],
  ephemeral: false,
  uses: 1,
  createdAt: clock.now(),
  createdBy: 'admin',
  expiresAt: clock.now() + day,
  ...changes,
})

/** Redeems a use of a fresh token and records a credential, as an enrolment does. */
export async function enrol(
  store: Store,
  clock: TestClock,
  peerId: string,
  changes: Partial<NewToken> & { requestedName?: string } = {},
): Promise<Enrolment> {
  const { requestedName = peerId, ...token } = changes
  const { hash } = await store.tokens.createToken(tokenOf(clock, token))
  const expiresAt = clock.now() + 21 * day
  const { enrolment } = await store.enrolments.redeem({
    tokenHash: hash,
    peerId,
    requestedName,
    serial: newSerial(),
    expiresAt,
  })
  const { serial } = enrolment
  return store.enrolments.recordCredential({
    peerId,
    serial,
    credential: `credential-of-${peerId}`,
    expiresAt,
  })
}

export const recordOf = (
  { peerId, serial }: Enrolment,
  incarnation: number,
  changes: Partial<NewRecord> = {},
) => ({
  peerId,
  serial,
  incarnation,
  record: `record-of-${peerId}-${incarnation}`,
  services: ['math', 'math@1'],
  ...changes,
})
