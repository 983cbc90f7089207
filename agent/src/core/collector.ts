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
