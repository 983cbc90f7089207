/** How much a pair moves over its final path, asked as a user would: large replies of several calls at once. */
import type { RunningAgent } from './mesh.ts'

/** Characters of a reply, below what one body may carry. */
const chars = 512 * 1024
const parallel = 6
/** Measured for so long, ms; what is on its way then counts with the time it takes. */
const measureMs = 1_200
const timeoutMs = 20_000

/** Megabytes (10^6 bytes) a second, rounded to a tenth. */
export async function throughput(from: RunningAgent, to: RunningAgent): Promise<number> {
  const began = performance.now()
  let bytes = 0
  const read = async (): Promise<void> => {
    while (performance.now() - began < measureMs) {
      const call = { method: 'lab.read', params: { chars }, peer: to.site.name, timeoutMs, idempotent: true }
      const reply = await from.api.callRaw(call)
      bytes += reply.length
    }
  }
  await Promise.all(Array.from({ length: parallel }, read))
  return Math.round(bytes / 100 / (performance.now() - began)) / 10
}
