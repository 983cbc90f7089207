/** Sends prepared reports: those of one relay one after the other, many relays at a time. */
import { Agent, request } from 'node:http'
import type { PreparedReport } from './fleet.ts'

export interface LoadResult {
  readonly reports: number
  readonly seconds: number
  /** Sorted. */
  readonly latenciesMs: readonly number[]
}

export interface LoadOptions {
  readonly url: URL
  /** Relays that report at the same time. */
  readonly inFlight: number
  /** Stops after this time, whatever is left. */
  readonly ms: number
}

/** @throws Error when a report is refused: a load test that measures refusals measures nothing */
export async function sendReports(
  lists: readonly PreparedReport[][],
  { url, inFlight, ms }: LoadOptions,
): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const latenciesMs: number[] = []
  const startedAt = performance.now()
  const waiting = lists.map(list => [...list])
  const worker = async (): Promise<void> => {
    for (let list = waiting.shift(); list !== undefined; list = waiting.shift()) {
      const report = list.shift()
      if (report === undefined) continue
      if (performance.now() - startedAt > ms) return
      const sentAt = performance.now()
      await post(agent, url, report)
      latenciesMs.push(performance.now() - sentAt)
      report.relay.seq = report.seq
      // The next of this relay after all others had theirs, as in a fleet.
      waiting.push(list)
    }
  }
  try {
    await Promise.all(Array.from({ length: inFlight }, worker))
  } finally {
    agent.destroy()
  }
  const seconds = (performance.now() - startedAt) / 1_000
  return { reports: latenciesMs.length, seconds, latenciesMs: latenciesMs.sort((a, b) => a - b) }
}

const post = (agent: Agent, url: URL, { body, authorization }: PreparedReport): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = {
      authorization,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    const sent = request(url, { agent, method: 'POST', headers }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`Cannot go on: a report was answered ${response.statusCode}: ${text}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })

export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
