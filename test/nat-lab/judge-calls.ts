/** What calls say about a fault they lived through: pure, from their records. */
import type { Path } from './expected-paths.ts'

export interface CallRecord {
  /** Monotonic ms. */
  beganAt: number
  ms: number
  idempotent: boolean
  ok: boolean
  path?: Path
  /** Of a failure; `untyped` when it was no error of the mesh. */
  code?: string
  why?: string
}

export interface Verdict {
  calls: number
  /** Must be none: they may be repeated. */
  idempotent_failed: number
  /** Not repeatable, ended by the fault with a typed error. */
  others_failed: number
  /** Must be none. */
  untyped: number
  /** From the fault to the first call begun since that was answered promptly; null: none was. */
  moved_ms: number | null
  slowest_ms: number
  /** The errors of failed calls, and how often each came. */
  errors: Record<string, number>
}

/** An answer that took this long, ms, came over a path that works: on a busy machine most take a tenth. */
const promptMs = 1_000

/** @param faultAt ms, as in the records */
export function judge(records: readonly CallRecord[], faultAt: number): Verdict {
  const failed = records.filter(({ ok }) => !ok)
  const count = (wanted: (record: CallRecord) => boolean) => failed.filter(wanted).length
  const errors: Record<string, number> = {}
  for (const { code = 'untyped' } of failed) errors[code] = (errors[code] ?? 0) + 1
  return {
    calls: records.length,
    idempotent_failed: count(({ idempotent }) => idempotent),
    others_failed: count(({ idempotent }) => !idempotent),
    untyped: errors['untyped'] ?? 0,
    moved_ms: movedMs(records, faultAt),
    slowest_ms: Math.round(Math.max(0, ...records.map(({ ms }) => ms))),
    errors,
  }
}

/** A call that is not to be repeated waits by itself, so only the others tell how fast the path is. */
function movedMs(records: readonly CallRecord[], faultAt: number): number | null {
  const prompt = records
    .filter(({ beganAt, ok, ms, idempotent }) => beganAt > faultAt && ok && idempotent && ms < promptMs)
    .map(({ beganAt, ms }) => beganAt + ms)
  return prompt.length === 0 ? null : Math.round(Math.min(...prompt) - faultAt)
}

/** What of a verdict breaks the promises; empty when nothing does. @param withinMs calls have moved by then */
export function broken(verdict: Verdict, withinMs: number): string[] {
  const { idempotent_failed, untyped, moved_ms, calls } = verdict
  return [
    ...(calls === 0 ? ['no call was made'] : []),
    ...(idempotent_failed > 0 ? [`${idempotent_failed} idempotent calls failed`] : []),
    ...(untyped > 0 ? [`${untyped} calls failed without a typed error`] : []),
    ...(moved_ms === null ? ['calls never moved'] : []),
    ...(moved_ms !== null && moved_ms > withinMs ? [`calls moved after ${moved_ms} ms`] : []),
  ]
}
