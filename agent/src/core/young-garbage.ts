/**
 * Buffers of sockets and files lie outside of V8's heap, and V8 looks for those that nothing refers to only when 64 MiB have come
 * together, or when small objects fill its young space, which many bytes in few objects do not. A transfer would add that to the memory
 * of its process.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'minor' }) => void

let collect: Collect | undefined

/** Node has no other way to its collector than the global of this flag, which a program started without it may set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as Collect
  setFlagsFromString('--no-expose-gc')
  return found
}

/** Collects young objects with their buffers: 1 to 2 ms. For code that lets go of many MiB of buffers in a row. */
export function collectYoung(): void {
  collect ??= collector()
  collect({ type: 'minor' })
}
