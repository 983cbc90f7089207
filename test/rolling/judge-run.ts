/** The verdict on a run, from its calls and executions: pure. */
export interface CallRecord {
  id: string
  method: 'look' | 'book'
  caller: string
  /** How long the handler was asked to take, ms. */
  asked: number
  /** How long the caller waited, ms. */
  took: number
  /** Of a failure. */
  failure?: { code: string; message: string }
}

export interface Verdict {
  calls: number
  failed: number
  /** Calls that are not idempotent and were executed more than once. */
  doubled: number
}

/** @param executions how often each call was executed, by its id */
export function judgeRun(records: readonly CallRecord[], executions: ReadonlyMap<string, number>): Verdict {
  const doubled = ({ id, method }: CallRecord) => method === 'book' && (executions.get(id) ?? 0) > 1
  return {
    calls: records.length,
    failed: records.filter(({ failure }) => failure !== undefined).length,
    doubled: records.filter(doubled).length,
  }
}

/** Wait of calls beyond the requested work, ms: half of them less than p50, 99 % less than p99. */
export function overheads(records: readonly CallRecord[]): { p50: number; p99: number; max: number } {
  const sorted = records.map(({ took, asked }) => took - asked).sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/**
 * Wait of 99 of 100 relayed calls beyond their work, ms, without what a busy machine adds: twice the wait of the direct calls meanwhile,
 * which pass half as many processes and no relay.
 */
export function relayWait(records: readonly CallRecord[]): number {
  const p99Of = (name: string) => overheads(records.filter(({ caller }) => caller === name)).p99
  return p99Of('relayed') - 2 * p99Of('direct')
}

/** Failures by method, caller and message, the most frequent first. */
export function failuresOf(records: readonly CallRecord[]): string[] {
  const counts = new Map<string, number>()
  for (const { method, caller, failure } of records) {
    if (failure === undefined) continue
    const line = `${caller} ${method}: ${failure.code}: ${failure.message}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([line, count]) => `${count} x ${line}`)
}
