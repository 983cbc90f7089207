/** Why calls to a member take the path that they take, in one sentence, and what to do about it. */
import type { PathReport } from '@agent-mesh/protocol/path-report'

export interface PathSentence {
  text: string
  /** What the owner may do; absent: nothing is wrong. */
  action?: string
}

/** @param nameOf a member by its peer id */
export function pathSentence(report: PathReport, nameOf: (peerId: string) => string): PathSentence {
  const to = report.toName ?? nameOf(report.to)
  const [best] = report.links
  if (report.path === undefined || best === undefined) return noPath(report, to)
  const trip = best.rttMs === undefined ? '' : `, ${Math.max(1, Math.round(best.rttMs))} ms for a round trip`
  if (report.path === 'direct') return { text: `Calls to ${to} go directly to ${best.remoteAddr}${trip}.` }
  if (report.path === 'webrtc')
    return { text: `Calls to ${to} go through its NAT over WebRTC, without a relay${trip}.` }
  const relay = best.relay === undefined ? 'a relay' : `relay ${best.relayName ?? nameOf(best.relay)}`
  return {
    text: `Calls to ${to} go through ${relay}${trip}: ${searchText(report)}.`,
    action: `"agent-mesh netcheck", here and at ${to}, shows what each network allows.`,
  }
}

function noPath({ tried }: PathReport, to: string): PathSentence {
  const failed = tried.filter(({ error }) => error !== undefined)
  const action = `"agent-mesh ping ${to}" opens a path.`
  if (failed.length === 0) return { text: `No path to ${to} is open: the next call dials.`, action }
  const why = failed.map(({ name, error }) => `${name}: ${error}`).join('; ')
  return { text: `No path to ${to} is open: the last dial failed (${why}).`, action }
}

/** Of a relayed path. */
function searchText({ upgrade, from, to }: PathReport): string {
  if (upgrade === undefined || upgrade.attempts === 0)
    return from < to
      ? 'the search for a better path has not begun'
      : 'the other member searches for a better path, as its peer id is the lower one'
  const times = upgrade.attempts === 1 ? 'once' : `${upgrade.attempts} times`
  const why = upgrade.reason ?? upgrade.result
  return `a better path was searched ${times}${why === undefined ? '' : ` (${why})`}`
}
