import { slowUplink } from '../faults.ts'
import { judge } from '../judge-calls.ts'
import { median } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, seconds, settledPath } from './pair-mesh.ts'

const mbits = 10
/** Bulk as it is cut to share a link: all calls of a link take turns, so what is on its way is what a small one waits for. */
const readChars = 48 * 1024
const readsAtOnce = 4
/** Beside bulk, half of the small calls take less, ms: the queue of the uplink is 100 ms. */
const usableMs = 500
/** And none takes more, ms: the path is never taken for dead. */
const worstMs = 3_000

export const slowUplinkBulk: Scenario = {
  about: `Bulk fills an uplink of ${mbits} Mbit/s: small calls beside it stay usable, and the path is not taken for dead.`,
  run: async tools => {
    const { from, to, path: before } = await pairMesh(tools, 'cone', 'cone')
    await slowUplink(to.site, mbits)
    const reading = new AbortController()
    let bytes = 0
    const read = async (): Promise<void> => {
      const call = { method: 'lab.read', params: { chars: readChars }, peer: to.site.name, timeoutMs: 30_000 }
      while (!reading.signal.aborted) {
        const reply = await from.api.callRaw({ ...call, idempotent: true })
        bytes += reply.length
      }
    }
    const began = Traffic.now()
    const bulk = Promise.all(Array.from({ length: readsAtOnce }, read))
    await seconds(1)
    const traffic = new Traffic(from, to)
    await seconds(8)
    const records = await traffic.stop()
    reading.abort()
    await bulk
    const bulk_mbit_s = Math.round((bytes * 8) / 100 / (Traffic.now() - began)) / 10
    const small_p50_ms = Math.round(
      median(records.flatMap(({ idempotent, ms }) => (idempotent ? ms : []))) ?? 0,
    )
    const { calls, errors, slowest_ms } = judge(records, began)
    const after = await settledPath(from, to)
    return {
      figures: { before, after, calls, errors, small_p50_ms, slowest_ms, bulk_mbit_s },
      wrong: [
        ...(Object.keys(errors).length > 0 ? [`calls failed: ${JSON.stringify(errors)}`] : []),
        ...(small_p50_ms > usableMs ? [`small calls take ${small_p50_ms} ms beside bulk`] : []),
        ...(slowest_ms > worstMs ? [`one took ${slowest_ms} ms`] : []),
      ],
    }
  },
}
