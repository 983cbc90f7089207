import { readlinkSync } from 'node:fs'

/**
 * The network namespace of this process (`net:[4026531840]`): a port of another one is not a port of this process.
 * @returns undefined on systems that have none, or do not tell
 */
export function ownNetwork(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/net')
  } catch {
    return undefined
  }
}
