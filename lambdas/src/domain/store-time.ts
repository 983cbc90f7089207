/**
 * Compares the clock of this process with the latest time that the store has seen. A clock that is far ahead makes everything
 * look expired, and swept rows cannot be recreated. So nothing is swept permanently until clock and store agree, or an operator
 * confirms the clock. Reasons: docs/adr/0019-clocks-and-sweeps.md.
 */
import { MeshError } from '@agent-mesh/protocol'
import { storeTimeLimits as limits } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import type { StoreParts } from '../store/store.ts'

export interface ClockFinding {
  state: 'agrees' | 'ahead' | 'behind'
  /** Clock of this process minus the time of the store, ms. */
  offMs: number
}

export interface StoreTime {
  /** Compares, and advances the time of the store if the two agree. */
  look(): Promise<ClockFinding>
  /** Before this time, unix ms, rows may be removed permanently; 0 while clock and store do not agree. */
  sweepTime(): Promise<number>
  /** The last finding of {@link look}, in words; undefined while they agree. */
  warning(): string | undefined
  /** The operator vouches for the clock of this process. @param by the operator, for the audit */
  confirm(by: string): Promise<void>
}

type Needs = Pick<StoreParts, 'ledger' | 'headParts' | 'audit'>

export function storeTime({ store, clock }: { store: Needs; clock: Clock }): StoreTime {
  let last: ClockFinding = { state: 'agrees', offMs: 0 }
  let behindSince: number | undefined

  const mark = async (): Promise<number> => {
    const stored = await store.ledger.readTimeMark()
    if (stored !== undefined) return stored
    const found = (await newestTime(store)) ?? clock.now()
    await store.ledger.writeTimeMark(undefined, found)
    return (await store.ledger.readTimeMark()) ?? found
  }

  /** A store that was founded with a clock far ahead is protected again once the clock was right for a day. */
  const mayLower = (now: number, state: ClockFinding['state']): boolean => {
    behindSince = state === 'behind' ? (behindSince ?? now) : undefined
    return behindSince !== undefined && now - behindSince >= limits.lowerAfterMs
  }

  const look = async (): Promise<ClockFinding> => {
    const stored = await mark()
    const now = clock.now()
    last = compareTimes(now, stored)
    const raise = last.state === 'agrees' && now - stored >= limits.stepMs
    // Another process was first, and found the same.
    if (raise || mayLower(now, last.state)) await store.ledger.writeTimeMark(stored, now)
    return last
  }

  return {
    look,
    sweepTime: async () => ((await look()).state === 'agrees' ? clock.now() : 0),
    warning: () => warningOf(last),
    confirm: async by => {
      const before = await mark()
      const now = clock.now()
      const confirmed = () => ({ at: now, who: by, what: 'clock.confirm', detail: { before, now } }) as const
      if (!(await store.ledger.writeTimeMark(before, now, confirmed)))
        throw new MeshError('conflict', 'Cannot confirm the clock: another control plane just moved the time')
      last = { state: 'agrees', offMs: 0 }
    },
  }
}

/** @param now of the process @param stored of the store, unix ms */
export function compareTimes(now: number, stored: number): ClockFinding {
  const offMs = now - stored
  if (Math.abs(offMs) <= limits.agreeMs) return { state: 'agrees', offMs }
  return { state: offMs > 0 ? 'ahead' : 'behind', offMs }
}

/** The latest time in a store without a recorded time: of the newest audit entry and the parts of the head. */
async function newestTime(store: Needs): Promise<number | undefined> {
  const { seq } = await store.audit.readAuditHead()
  const [entry] = seq === 0 ? [] : await store.audit.listAudit({ after: seq - 1, limit: 1 })
  const times = (await store.headParts.readParts()).map(({ writtenAt }) => writtenAt)
  if (entry !== undefined) times.push(entry.at)
  return times.length === 0 ? undefined : Math.max(...times)
}

function warningOf({ state, offMs }: ClockFinding): string | undefined {
  if (state === 'agrees') return undefined
  const days = Math.round(Math.abs(offMs) / (24 * 3600_000))
  const where = state === 'ahead' ? 'ahead of' : 'behind'
  return `the clock of the control plane is ${days} days ${where} the newest time in its store: nothing expired is removed until they agree. If the clock is right: agent-mesh admin confirm-clock`
}
