import { parse, pathReportSchema, type PathReport } from '@agent-mesh/protocol'
import { checkAbortable } from '../core/check-abortable.ts'
import { namesOf } from '../core/option-names.ts'
import type { Member } from '../member/member.ts'
import { pathReport, pathToItself } from '../member/path-report.ts'
import type { ServiceCaller } from '../services/index.ts'
import type { Targets } from './targets.ts'

export interface PathOptions {
  /** The member from which the path leads. @default this one */
  from?: string
  /** ms until it has answered. */
  timeout?: number
  signal?: AbortSignal
}

const pathNames = namesOf<PathOptions>({ from: true, timeout: true, signal: true })

/** The paths to a member, from this one or as another says. @throws MeshError not_found; as a call when another member is asked */
export async function pathBetween(
  member: Member,
  by: { targets: Pick<Targets, 'find'>; caller: Pick<ServiceCaller, 'ask'> },
  to: string,
  options: PathOptions,
): Promise<PathReport> {
  checkAbortable(options, pathNames, 'find the path to', to)
  const { from, timeout, signal } = options
  const { targets, caller } = by
  const self = member.identity.peerId
  if (from === undefined || targets.find(from) === self) {
    if (targets.find(to) === self) throw pathToItself(to)
    return pathReport(member, to)
  }
  const { value } = await caller.ask('host.path', { to }, { peer: from, timeout, signal })
  return parse(pathReportSchema, value, `read the path from ${from}`, 'protocol_error')
}
