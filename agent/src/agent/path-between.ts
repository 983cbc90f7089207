import { parse, pathReportSchema, type PathReport } from '@agent-mesh/protocol'
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

/** The paths to a member, from this one or as another says. @throws MeshError not_found; as a call when another member is asked */
export async function pathBetween(
  member: Member,
  by: { targets: Pick<Targets, 'find'>; caller: Pick<ServiceCaller, 'ask'> },
  to: string,
  { from, timeout, signal }: PathOptions,
): Promise<PathReport> {
  const { targets, caller } = by
  const self = member.identity.peerId
  if (from === undefined || targets.find(from) === self) {
    if (targets.find(to) === self) throw pathToItself(to)
    return pathReport(member, to)
  }
  const { value } = await caller.ask('host.path', { to }, { peer: from, timeout, signal })
  return parse(pathReportSchema, value, `read the path from ${from}`, 'protocol_error')
}
