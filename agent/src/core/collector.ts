import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Whether this process was started with one of these flags of V8, spelled with hyphens. Node takes none of them from the environment. */
const startedWith = (...flags: readonly string[]): boolean =>
  process.execArgv.some(arg => flags.includes(arg.replaceAll('_', '-')))

/**
 * V8's collector. Node has no other way to it than the global of this flag, which contexts have that are made while it is set. A program
 * that has that global keeps the flag: its workers have it, too. Where flags cannot be set any more, as in a program that embeds Node,
 * it does nothing.
 *
 * @param setFlags sets flags of V8. @default that of Node
 */
export function collector(setFlags: (flags: string) => void = setFlagsFromString): NodeJS.GCFunction {
  if (globalThis.gc !== undefined) return globalThis.gc
  // V8 ends a process that sets one all the same.
  if (startedWith('--freeze-flags-after-init')) return () => Promise.resolve()
  setFlags('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as NodeJS.GCFunction | undefined
  setFlags('--no-expose-gc')
  return collect ?? (() => Promise.resolve())
}

/** With these, V8 collects without helper threads, or takes no other flags. */
const fixed = [
  '--no-parallel-scavenge',
  '--single-threaded-gc',
  '--single-threaded',
  '--freeze-flags-after-init',
]

/**
 * Collects young objects on this thread alone. Where nearly all of them are dead, V8's helper threads take more CPU than they save, and
 * beside other work the process stands still until each of them had a processor.
 *
 * @param setFlags sets flags of V8. @default that of Node
 */
export function youngCollector(setFlags: (flags: string) => void = setFlagsFromString): () => void {
  const collect = collector(setFlags)
  if (startedWith(...fixed)) return () => void collect({ type: 'minor' })
  return () => {
    // For a moment: it is a flag of the process, and compiled code that is kept is of its flags.
    setFlags('--no-parallel-scavenge')
    void collect({ type: 'minor' })
    setFlags('--parallel-scavenge')
  }
}

/**
 * With room, V8 lets its heap, with the buffers outside of it, grow by half before it collects the whole of it. By itself it leaves some
 * 8 MiB where small objects alone are few: it does not count buffers in the rate at which memory is used.
 *
 * @param setFlags sets flags of V8. @default that of Node
 */
export function roomOfHeap(
  setFlags: (flags: string) => void = setFlagsFromString,
): (isWide: boolean) => void {
  if (startedWith('--freeze-flags-after-init') || process.execArgv.some(isOwnRoom)) return () => undefined
  let current = false
  return isWide => {
    if (isWide === current) return
    current = isWide
    setFlags(`--heap-growing-percent=${isWide ? 50 : 0}`)
  }
}

/** The program's own choice. */
const isOwnRoom = (flag: string): boolean => flag.replaceAll('_', '-').startsWith('--heap-growing-percent')
