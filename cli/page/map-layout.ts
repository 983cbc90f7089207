/**
 * Where members stand on the map: relays on an inner ring, in order of their names, and around them the agents, each in the sector of
 * its home relay. The same members have the same places, whatever the order in which they come; a layout by forces would move all of
 * them with each change, and takes minutes for thousands.
 */
import type { MemberRow } from '../src/page/member-row.ts'

export interface Place {
  row: MemberRow
  x: number
  y: number
}

export interface MapLayout {
  relays: Place[]
  agents: Place[]
  /** Of an agent's dot. */
  radius: number
}

/** The map is a square around 0, 0 with sides of twice this. */
export const mapReach = 500
const relayRing = 150
const agentsFrom = 230
const agentsTo = 480
/** Distance between agents: thousands still fit, few do not stand together. */
const spacing = { least: 5, most: 28 }
/** Agents in staggered rows fill less than the area. */
const filled = 0.85

const byName = (a: MemberRow, b: MemberRow): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.peerId < b.peerId ? -1 : 1

export function layoutOf(rows: Iterable<MemberRow>): MapLayout {
  const shown = [...rows].filter(({ state }) => state !== 'revoked').sort(byName)
  const relays = shown.filter(({ kind }) => kind === 'relay')
  const agents = shown.filter(({ kind }) => kind === 'agent')
  const area = Math.PI * (agentsTo ** 2 - agentsFrom ** 2)
  const gap = Math.min(
    spacing.most,
    Math.max(spacing.least, Math.sqrt(area / Math.max(1, agents.length)) * filled),
  )
  const known = new Set(relays.map(({ peerId }) => peerId))
  const homeOf = ({ at }: MemberRow) => (at !== undefined && known.has(at) ? at : '')
  const homes = [...relays.map(({ peerId }) => peerId), '']
  const groups = homes.map(home => agents.filter(agent => homeOf(agent) === home))
  // A relay without agents has a place of its own, too.
  const weights = groups.map((group, at) => group.length + (homes[at] === '' ? 0 : 1))
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  const places: MapLayout = { relays: [], agents: [], radius: Math.min(7, gap / 2.6) }
  let from = -Math.PI / 2
  for (const [index, group] of groups.entries()) {
    const sector = whole === 0 ? 0 : (weights[index]! / whole) * 2 * Math.PI
    const relay = relays[index]
    if (relay !== undefined) places.relays.push({ row: relay, ...polar(relayRing, from + sector / 2) })
    places.agents.push(...inSector(group, { from, sector, gap }))
    from += sector
  }
  return places
}

/** From the inside out, row by row. */
function inSector(
  agents: readonly MemberRow[],
  { from, sector, gap }: { from: number; sector: number; gap: number },
): Place[] {
  const places: Place[] = []
  for (let radius = agentsFrom; places.length < agents.length; radius += gap) {
    const slots = Math.max(1, Math.floor((sector * radius) / gap))
    const row = agents.slice(places.length, places.length + slots)
    places.push(
      ...row.map((each, slot) => ({
        row: each,
        ...polar(radius, from + (sector * (slot + 0.5)) / row.length),
      })),
    )
  }
  return places
}

/** Tenths: the texts of an SVG with thousands of places stay short. */
const polar = (radius: number, angle: number): { x: number; y: number } => ({
  x: Math.round(radius * Math.cos(angle) * 10) / 10,
  y: Math.round(radius * Math.sin(angle) * 10) / 10,
})
