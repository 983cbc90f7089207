/** The map: relays inside, agents around, and the paths of the agent of this machine. */
import { html } from 'htm/preact'
import { useMemo } from 'preact/hooks'

import { layoutOf, mapReach, type MapLayout, type Place } from './map-layout.ts'
import type { PageState } from './state.ts'
import { visible } from './text.ts'

/** Above this, agents are one shape for each state: a browser draws thousands of elements slowly. */
const singleAgents = 800
/** Lines to members, at most: more are a black disc. */
const lines = 400
const box = `${-mapReach} ${-mapReach} ${2 * mapReach} ${2 * mapReach}`

export function MeshMap({ state: { rows } }: { state: PageState }) {
  const layout = useMemo(() => layoutOf(rows.values()), [rows])
  const { relays, agents } = layout
  const places = useMemo(
    () => new Map([...relays, ...agents].map(place => [place.row.peerId, place])),
    [layout],
  )
  const count = (list: readonly Place[], wanted: string) =>
    list.filter(({ row: { state } }) => state === wanted).length
  const label = `Map of ${relays.length} relays, ${count(relays, 'online')} online, and ${agents.length} agents, ${count(agents, 'online')} online`
  const self = agents.find(({ row: { path } }) => path === 'self')
  return html`
    <h1>Map</h1>
    <p role="status">${label}.</p>
    <${Legend} />
    <svg class="map" viewBox=${box} role="img" aria-label=${label}>
      ${
        agents.length <= singleAgents &&
        agents.map(({ row: { at = '' }, x, y }) => {
          const home = places.get(at)
          return home !== undefined && html`<line class="home" x1=${home.x} y1=${home.y} x2=${x} y2=${y} />`
        })
      }
      ${self !== undefined && html`<${Paths} self=${self} layout=${layout} places=${places} />`}
      ${
        agents.length <= singleAgents
          ? agents.map(
              place => html`<${Agent} key=${place.row.peerId} place=${place} radius=${layout.radius} />`,
            )
          : ['online', 'offline', 'unlisted'].map(
              state => html`<path class=${state} d=${dotsOf(agents, state, layout.radius)} />`,
            )
      }
      ${relays.map(
        ({ row: { peerId, name, state }, x, y }) => html`
          <g key=${peerId}>
            <rect class=${state} x=${x - 9} y=${y - 9} width="18" height="18"
              ><title>${visible(name)}, ${state}</title></rect
            >
            <text x=${x} y=${y + 26}>${visible(name)}</text>
          </g>
        `,
      )}
    </svg>
  `
}

const Legend = () => html`
  <ul class="legend">
    <li>
      <svg viewBox="0 0 10 10" aria-hidden="true"><rect class="online" width="10" height="10" /></svg> relay
    </li>
    <li>
      <svg viewBox="0 0 10 10" aria-hidden="true"><circle class="online" cx="5" cy="5" r="4" /></svg> agent,
      online
    </li>
    <li>
      <svg viewBox="0 0 10 10" aria-hidden="true"><circle class="offline" cx="5" cy="5" r="4" /></svg>
      offline
    </li>
    <li>
      <svg viewBox="0 0 20 10" aria-hidden="true"><line class="direct" x1="0" y1="5" x2="20" y2="5" /></svg>
      direct from this machine
    </li>
    <li>
      <svg viewBox="0 0 20 10" aria-hidden="true">
        <line class="relayed" x1="0" y1="5" x2="20" y2="5" />
      </svg>
      through a relay
    </li>
  </ul>
`

function Agent({ place: { row, x, y }, radius }: { place: Place; radius: number }) {
  const { name, state, path, rttMs } = row
  const trip = rttMs === undefined ? '' : `, ${rttMs} ms`
  return html`<circle
    class=${path === 'self' ? `${state} self` : state}
    cx=${x}
    cy=${y}
    r=${path === 'self' ? radius + 3 : radius}
  >
    <title>${visible(name)}, ${state}${path === undefined ? '' : `, ${path}`}${trip}</title>
  </circle>`
}

interface PathsProps {
  self: Place
  layout: MapLayout
  places: ReadonlyMap<string, Place>
}

/** A relayed one bends at the home relay of the other member. */
function Paths({ self, layout, places }: PathsProps) {
  const reached = [...layout.agents, ...layout.relays].filter(
    ({ row: { path } }) => path !== undefined && path !== 'self',
  )
  return reached.slice(0, lines).map(({ row: { peerId, path, at = '' }, x, y }) => {
    const relay = path === 'relay' ? places.get(at) : undefined
    const points = [self, ...(relay === undefined ? [] : [relay]), { x, y }]
    const text = points.map(point => `${point.x},${point.y}`).join(' ')
    return html`<polyline key=${peerId} class=${path === 'relay' ? 'relayed' : 'direct'} points=${text} />`
  })
}

/** Circles as one path. */
const dotsOf = (agents: readonly Place[], wanted: string, radius: number): string => {
  const r = radius.toFixed(1)
  const across = (2 * radius).toFixed(1)
  return agents
    .filter(({ row: { state } }) => state === wanted)
    .map(
      ({ x, y }) =>
        `M${(x - radius).toFixed(1)} ${y}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0`,
    )
    .join('')
}
