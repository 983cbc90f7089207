import { pageDefaults } from './page-defaults.ts'

/** How long after a read of the list of the control plane it is read again, ms. */
export function listPause({ members, billed, tookMs }: ListRead): number {
  const { lookMs, listMsPerMember, listMsPerBilledMember, listRest, listRestMostMs } = pageDefaults
  const each = billed ? listMsPerBilledMember : listMsPerMember
  return Math.max(lookMs, members * each, Math.min(tookMs * listRest, listRestMostMs))
}

interface ListRead {
  readonly members: number
  /** Whether the control plane pays for each member that it reads. */
  readonly billed: boolean
  readonly tookMs: number
}
