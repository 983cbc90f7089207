/** The page of `top`: how this process is, then the members, those that need attention first. */
import type { LocalPeer, LocalStatus } from '@agent-mesh/protocol/local-api'

import type { Output } from '../show/output.ts'
import { roundTripText } from '../show/round-trip.ts'
import { bytes, duration } from '../show/units.ts'

export interface TopFacts {
  status: LocalStatus
  /** None for a control plane. */
  peers: readonly LocalPeer[]
}

export function topPage({ status, peers }: TopFacts, output: Output, now = Date.now()): string[] {
  const top = [
    titleText(status, output, now),
    linksText(status),
    ...loadText(status),
    ...checkTexts(status, output, now),
    ...actText(status, now),
  ]
  return peers.length === 0 ? top : [...top, '', memberTable(peers, output, now)]
}

function titleText(
  { kind, name = kind, ready, startedAt, version, region }: LocalStatus,
  output: Output,
  now: number,
) {
  const state = ready ? output.style('green', 'ready') : output.style('red', 'not ready')
  const place = region === undefined ? '' : `, region ${region}`
  return `${output.style('bold', name)}  ${kind}, ${state}, up ${duration(now - startedAt)}, version ${version}${place}`
}

function linksText({ members, links, relays, kind }: LocalStatus): string {
  const online = `members  ${members.online} of ${members.known} online`
  if (kind === 'control-plane') return online
  const home = relays.map(({ name, peerId }) => name ?? peerId).join(', ')
  const through = home === '' ? '' : `; reached through ${home}`
  return `${online}; links: ${links.direct} direct, ${links.webrtc} webrtc, ${links.relay} relayed${through}`
}

function loadText({ load }: LocalStatus): string[] {
  if (load === undefined) return []
  const { rssBytes, heapBytes, loopDelayMs, calls } = load
  return [
    `load     ${calls} calls, memory ${bytes(rssBytes)} (heap ${bytes(heapBytes)}), event loop ${duration(loopDelayMs)} late`,
  ]
}

function checkTexts({ checks }: LocalStatus, output: Output, now: number): string[] {
  if (checks === undefined) return []
  const bad = checks.filter(({ level }) => level !== 'passing')
  const texts = bad.map(({ name, level, reason = level, since, damped }) => {
    const style = level === 'failing' ? 'red' : 'yellow'
    const flaps = damped === true ? ', flapping' : ''
    return `check    ${output.style(style, `${name} ${level}`)} for ${duration(Math.max(0, now - since))}${flaps}: ${reason}`
  })
  return [`checks   ${checks.length - bad.length} of ${checks.length} pass`, ...texts]
}

/** The newest one. */
function actText({ acts = [] }: LocalStatus, now: number): string[] {
  const act = acts.at(-1)
  if (act === undefined) return []
  const often = act.times > 1 ? `, ${act.times} times` : ''
  return [`recovery ${duration(Math.max(0, now - act.at))} ago ${act.supervisor}: ${act.act}${often}`]
}

const memberTable = (peers: readonly LocalPeer[], output: Output, now: number): string =>
  output.table(
    ['MEMBER', 'KIND', 'STATE', 'PATH', 'ROUND TRIP', 'REGION', 'SERVICES'],
    [...peers]
      .sort(byAttention)
      .map(peer => [
        peer.name,
        peer.kind,
        stateText(peer, output, now),
        peer.path ?? '-',
        roundTripText(peer),
        peer.region ?? '-',
        peer.services.filter(service => !service.startsWith('host@')).join(' ') || '-',
      ]),
  )

const stateText = ({ online, lastSeen }: LocalPeer, output: Output, now: number): string => {
  if (online) return output.style('green', 'online')
  const since = lastSeen === undefined ? '' : ` ${duration(Math.max(0, now - lastSeen))}`
  return output.style('red', `offline${since}`)
}

/** Those that went offline last, then those with the longest round trip, then those without a link. */
function byAttention(a: LocalPeer, b: LocalPeer): number {
  if (a.online !== b.online) return a.online ? 1 : -1
  if (!a.online) return (b.lastSeen ?? 0) - (a.lastSeen ?? 0) || byName(a, b)
  return (b.rttMs ?? -1) - (a.rttMs ?? -1) || byName(a, b)
}

const byName = (a: LocalPeer, b: LocalPeer): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
