import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * V8's collector. Node has no other way to it than the global of this flag, which contexts have that are made while it is set. Where
 * flags cannot be set any more, as in a program that embeds Node, it does nothing.
 */
export function collector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as NodeJS.GCFunction | undefined
  setFlagsFromString('--no-expose-gc')
  return collect ?? (() => Promise.resolve())
}
