import type { LogLevel } from '../commands/log-level.ts'
import type { ProxySettings } from '../settings.ts'

/** What `up` and `relay` pass on to the member they start. */
export interface MemberFlags {
  folder: string
  join?: string
  name?: string
  region?: string
  listen: string[]
  announce?: string[]
  logLevel: LogLevel
  proxy: ProxySettings | undefined
  signal: AbortSignal
}

/** The options that agents and relays share. */
export function memberOptions({ folder, join, name, region, listen, announce, proxy, signal }: MemberFlags) {
  return {
    data: folder,
    listen,
    signal,
    ...(join !== undefined && { join }),
    ...(name !== undefined && { name }),
    ...(region !== undefined && { region }),
    ...(announce !== undefined && { announce }),
    ...(proxy !== undefined && { proxy }),
  }
}
