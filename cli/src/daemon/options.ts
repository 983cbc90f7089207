import type { MemberOptions } from '@agent-mesh/agent'
import type { OwnedFolder } from '../data/data-folder.ts'
import { commandDefaults } from '../defaults.ts'
import type { LogFlags } from './daemon-log.ts'
import { readJoinToken } from '../data/join-token.ts'
import type { ProxySettings } from '../settings.ts'

/** Options that `up` and `relay` pass to the member they start. */
export interface MemberFlags extends LogFlags {
  folder: OwnedFolder
  /** `source` is `TOKEN`, `@FILE` or `-`; `wait`: until the control plane answers. */
  joining: { source: string | undefined; wait: boolean }
  name?: string
  /** `auto`: found out at the start. */
  region?: string
  zone?: string
  /** Of failure detection. */
  preset?: NonNullable<MemberOptions['preset']>
  listen: string[]
  announce?: string[]
  /** Files of the certificate of the web. */
  certificate?: { cert: string; key: string }
  proxy: ProxySettings | undefined
  /** Time that running work has to end when it stops, ms. */
  drain: number
  signal: AbortSignal
}

/** The options that agents and relays share. @throws MeshError not_found, invalid_argument when the join token is not readable */
export async function memberOptions(flags: MemberFlags) {
  const { folder, joining, name, region, zone, preset, listen, announce, certificate, proxy } = flags
  const { drain, signal } = flags
  const join = await readJoinToken(joining.source, folder.path)
  return {
    data: folder.path,
    folder,
    listen,
    ...(preset !== undefined && { preset }),
    signal,
    wait: joining.wait,
    drain,
    answer: commandDefaults.answerMs,
    ...(join !== undefined && { join }),
    ...(name !== undefined && { name }),
    ...(region !== undefined && { region }),
    ...(zone !== undefined && { zone }),
    ...(announce !== undefined && { announce }),
    ...(certificate !== undefined && { certificate }),
    ...(proxy !== undefined && { proxy }),
  }
}
