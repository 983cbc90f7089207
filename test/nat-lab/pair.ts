/** Measures one pair of idle agents: connect, upgrade, final path, throughput. */
import { toMeshError, type LocalPeer } from '@agent-mesh/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import type { KindPair, Path } from './expected-paths.ts'
import type { RunningAgent } from './mesh.ts'
import type { Turns } from './turns.ts'
import { throughput } from './throughput.ts'

export interface PairRow extends KindPair {
  /** Of the best link after at most {@link settleMs}; null when they never connected. */
  path: Path | null
  /** From call to reply between agents without a link. */
  connect_ms: number | null
  /** From that reply to a better path than a relay; null without one, or when the first link was that already. */
  upgrade_ms: number | null
  mb_s: number | null
  /** Of a relayed pair: what the search for a better path says. */
  why?: string
  /** Measured a second time, on other agents where there are some: what was wrong with the first. */
  again?: string
  error?: string
}

/** The final path is the one a pair has by then, ms. */
export const settleMs = 10_000
/** A pair has the machine to itself this long for its upgrade, ms: others then only wait. */
const aloneMs = 2_500
const connectTimeoutMs = 10_000

export interface PairAgents extends KindPair {
  from: RunningAgent
  to: RunningAgent
}

/** @param turns what is measured is measured alone; waiting is not measuring */
export async function measurePair({ a, b, from, to }: PairAgents, turns: Turns): Promise<PairRow> {
  const row: PairRow = { a, b, path: null, connect_ms: null, upgrade_ms: null, mb_s: null }
  try {
    const watched = await turns.take(async () => {
      const { ms } = await callOnce(from, to)
      row.connect_ms = Math.round(ms)
      const watch = watchPath(from, to)
      await Promise.race([watch.upgraded, delay(aloneMs)])
      return watch
    })
    row.upgrade_ms = (await watched.settled).upgradeMs
    row.mb_s = await turns.take(() => throughput(from, to))
    row.path = (await bestPath(from, to)) ?? null
    if (row.path === 'relay') row.why = (await from.api.path(to.site.name)).upgrade?.reason ?? 'not tried'
  } catch (error) {
    row.error = toMeshError(error, 'internal', `measure ${a}/${b}`).message
  }
  return row
}

const callOnce = (from: RunningAgent, to: RunningAgent) =>
  from.api.call({ method: 'lab.echo', params: 1, peer: to.site.name, timeoutMs: connectTimeoutMs })

export async function bestPath({ api }: RunningAgent, to: RunningAgent): Promise<LocalPeer['path']> {
  return (await api.peers()).find(({ name }) => name === to.site.name)?.path
}

/** Looks from now on; `upgraded` resolves with the first better path, `settled` when there is no better one, or in time. */
function watchPath(from: RunningAgent, to: RunningAgent) {
  const began = performance.now()
  const { promise: upgraded, resolve } = Promise.withResolvers<void>()
  const watch = async (): Promise<{ upgradeMs: number | null }> => {
    let upgradeMs: number | null = null
    for (let looks = 0; performance.now() - began < settleMs; looks++) {
      const path = await bestPath(from, to)
      if (looks === 0 && path !== 'relay' && path !== undefined) resolve()
      else if (path !== 'relay' && path !== undefined && upgradeMs === null) {
        upgradeMs = Math.round(performance.now() - began)
        resolve()
      }
      if (path === 'direct') break
      await delay(performance.now() - began < aloneMs ? 20 : 200)
    }
    return { upgradeMs }
  }
  return { upgraded, settled: watch().finally(resolve) }
}
