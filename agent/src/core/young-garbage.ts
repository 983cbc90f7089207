/**
 * Buffers of sockets and files lie outside of V8's heap. V8 looks for those that nothing refers to when small objects fill its young
 * space, which many bytes in few objects do not, and else marks its whole heap after each 64 MiB of them: 50 to 100 ms of CPU, more
 * than all else that is done for 64 MiB. Collecting young objects more often finds nearly all of these buffers for 1 to 2 ms.
 */
import { collector } from './collector.ts'

/**
 * Bytes of buffers after which young objects are collected. With 4 MiB the CPU of a transfer is a tenth more; with 16, the buffers that
 * were not counted reach V8's 64 MiB after a pause, and it is twice as much.
 */
const collectedBytes = 8 * 1024 * 1024

let collect: NodeJS.GCFunction | undefined
let bytes = 0

/** Counts the bytes of buffers, of the process, that are made and soon let go of; collects young objects from time to time. */
export function countBuffers(more: number): void {
  bytes += more
  if (bytes < collectedBytes) return
  bytes = 0
  collect ??= collector()
  collect({ type: 'minor' })
}
