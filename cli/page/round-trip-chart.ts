/** Round trips over the last hour, as a line for the median and one for the 95th percentile. */
import { html } from 'htm/preact'

import type { RoundTripPoint } from '../src/page/round-trips.ts'
import { useAsked } from './asked.ts'

const hourMs = 3_600_000
const size = { width: 600, height: 120 }
const everyMs = 30_000

/** @param peer one member; absent: all that the agent of this machine has measured */
export function RoundTripChart({ peer }: { peer?: string }) {
  const path = peer === undefined ? '/api/latency' : `/api/latency?peer=${encodeURIComponent(peer)}`
  const { value } = useAsked<{ points: RoundTripPoint[] }>(path, everyMs)
  const points = value?.points ?? []
  const last = points.at(-1)
  if (last === undefined)
    return html`<p>No round trip was measured yet: the page samples them every 30 s while it runs.</p>`
  const most = Math.max(1, ...points.map(({ p95 }) => p95))
  const label = `Round trips of the last hour: median ${round(last.p50)} ms now, 95th percentile ${round(last.p95)} ms, at most ${round(most)} ms`
  return html`
    <figure>
      <svg viewBox=${`0 0 ${size.width} ${size.height}`} role="img" aria-label=${label} class="chart">
        <polyline class="p95" points=${lineOf(points, most, ({ p95 }) => p95)} />
        <polyline class="p50" points=${lineOf(points, most, ({ p50 }) => p50)} />
      </svg>
      <figcaption>${label}.</figcaption>
    </figure>
  `
}

/** Until now, which is at the right. */
function lineOf(
  points: readonly RoundTripPoint[],
  most: number,
  valueOf: (point: RoundTripPoint) => number,
): string {
  const now = Date.now()
  const { width, height } = size
  return points
    .map(point => {
      const x = Math.max(0, width - ((now - point.at) / hourMs) * width)
      return `${x.toFixed(1)},${(height - 4 - (valueOf(point) / most) * (height - 8)).toFixed(1)}`
    })
    .join(' ')
}

const round = (ms: number): number => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))
