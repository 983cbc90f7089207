import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * V8's collector. Node has no other way to it than the global of this flag, which contexts have that are made while it is set. Where
 * flags cannot be set any more, as in a program that embeds Node, it does nothing.
 *
 * @param setFlags sets flags of V8. @default that of Node
 */
export function collector(setFlags: (flags: string) => void = setFlagsFromString): NodeJS.GCFunction {
  setFlags('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as NodeJS.GCFunction | undefined
  setFlags('--no-expose-gc')
  return collect ?? (() => Promise.resolve())
}

/**
 * Collects young objects on this thread alone. Where nearly all of them are dead, V8's helper threads take more CPU than they save, and
 * beside other work the process stands still until each of them had a processor.
 *
 * @param setFlags sets flags of V8. @default that of Node
 */
export function youngCollector(setFlags: (flags: string) => void = setFlagsFromString): () => void {
  const collect = collector(setFlags)
  return () => {
    // For a moment: it is a flag of the process, and compiled code that is kept is of its flags.
    setFlags('--no-parallel-scavenge')
    void collect({ type: 'minor' })
    setFlags('--parallel-scavenge')
  }
}
