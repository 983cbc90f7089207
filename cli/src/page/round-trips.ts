/** Round trips from the agent of this machine to each member, over the last hour: sampled while the page's command runs. */
import type { LocalPeer } from '@agent-mesh/protocol/local-api'
import { sleep } from '@agent-mesh/protocol/timers'

import { pageDefaults } from './page-defaults.ts'
import type { PageSource } from './page-source.ts'

export interface RoundTripPoint {
  /** Unix milliseconds. */
  at: number
  /** ms. */
  p50: number
  p95: number
  /** Members with a measured round trip. */
  members: number
}

interface Sample {
  at: number
  /** ms, by peer id. */
  trips: ReadonlyMap<string, number>
}

export class RoundTrips {
  readonly #source: PageSource
  readonly #ended = new AbortController()
  readonly #loop: Promise<void>
  #samples: Sample[] = []

  constructor(source: PageSource) {
    this.#source = source
    this.#loop = this.#run()
  }

  /** The oldest first. @param peerId one member; absent: all */
  points(peerId?: string): RoundTripPoint[] {
    return this.#samples.flatMap(({ at, trips }) => {
      const values = peerId === undefined ? [...trips.values()] : [trips.get(peerId) ?? []].flat()
      return values.length === 0 ? [] : [{ at, ...quantiles(values), members: values.length }]
    })
  }

  /** Keeps what is not older than an hour. @param at unix milliseconds */
  add(at: number, peers: readonly Pick<LocalPeer, 'peerId' | 'rttMs'>[]): void {
    const trips = new Map(
      peers.flatMap(({ peerId, rttMs }) => (rttMs === undefined ? [] : [[peerId, rttMs]])),
    )
    this.#samples.push({ at, trips })
    this.#samples = this.#samples.filter(sample => at - sample.at <= pageDefaults.historyMs)
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      // The page says itself why there is no agent.
      const peers = await this.#source
        .local(signal)
        .peers()
        .catch(() => [])
      if (peers.length > 0) this.add(Date.now(), peers)
      await sleep(pageDefaults.sampleMs, { signal }).catch(() => {})
    }
  }
}

/** Nearest rank. */
function quantiles(values: readonly number[]): { p50: number; p95: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
  return { p50: at(0.5), p95: at(0.95) }
}
