/** Prometheus metrics of a member. Labels come from closed sets or the own services, never from strangers. */
import type { ErrorCode, MeshError } from '@agent-mesh/protocol'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { CallMetrics, type CallSide } from './call-metrics.ts'
import type { Logger } from './logger.ts'
import { addProcessMetrics } from './process-metrics.ts'

/** What is counted when asked; each by the part that knows it. */
export interface MemberMetricsInit {
  map: { readonly size: number }
  head: {
    readonly current: {
      numbers: Record<'keys' | 'relays' | 'policy' | 'revocations', number>
      issuedAt: number
    }
  }
  log: Logger
}

/** A number for each value of a label, each value once. */
type ByLabel = Iterable<readonly [string, number]>

interface ObservedLink {
  readonly path: string
}

interface ObservedLinks {
  all(): readonly ObservedLink[]
  onUp(callback: (link: ObservedLink) => void): () => void
  onDown(callback: (link: ObservedLink) => void): () => void
}

interface ObservedUpgrade {
  readonly peerId: string
  readonly result: string
  readonly path: string
  readonly ms: number
  readonly reason: string | undefined
}

interface ObservedRevocations {
  onCutOff(callback: (cut: { afterMs: number | undefined }) => void): () => void
}

const paths = ['direct', 'webrtc', 'relay'] as const
const parts = ['keys', 'relays', 'policy', 'revocations'] as const
/** Seconds; pushed to the other end of the world in one, polled where the push fails within 65. */
const cutOffBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 65, 130, 600]

export class MemberMetrics {
  readonly registry = new Registry()
  readonly #log: Logger
  readonly #calls: CallMetrics
  readonly #retries: Counter<'method' | 'code'>
  readonly #refused: Counter<'code'>
  readonly #cloned: Counter
  readonly #opened: Counter<'path'>
  readonly #closed: Counter<'path'>
  readonly #upgrades: Counter<'path' | 'result'>

  constructor({ map, head, log }: MemberMetricsInit) {
    this.#log = log
    const registers = [this.registry]
    addProcessMetrics(this.registry)
    this.#calls = new CallMetrics(this.registry)
    this.#retries = new Counter({
      name: 'agent_mesh_call_retries_total',
      help: 'Calls tried again',
      labelNames: ['method', 'code'],
      registers,
    })
    this.#refused = new Counter({
      name: 'agent_mesh_connections_refused_total',
      help: 'Connections that were not admitted',
      labelNames: ['code'],
      registers,
    })
    this.#cloned = new Counter({
      name: 'agent_mesh_cloned_keys_total',
      help: 'Members found to run twice with one key',
      registers,
    })
    this.#opened = new Counter({
      name: 'agent_mesh_links_opened_total',
      help: 'Links opened',
      labelNames: ['path'],
      registers,
    })
    this.#closed = new Counter({
      name: 'agent_mesh_links_closed_total',
      help: 'Links closed',
      labelNames: ['path'],
      registers,
    })
    this.#upgrades = new Counter({
      name: 'agent_mesh_path_upgrades_total',
      help: 'Attempts to find a better path, by how they ended and the path calls then took',
      labelNames: ['path', 'result'],
      registers,
    })
    this.#knowledge({ map, head })
  }

  /** Port of room rpc: a call ended. */
  readonly callEnded = (side: CallSide, method: string, code: 'ok' | ErrorCode, ms: number): void =>
    this.#calls.ended(side, method, code, ms)

  /** Port of room rpc: a call is tried again. */
  readonly callRetried = (method: string, code: ErrorCode): void =>
    this.#retries.inc({ method: this.#calls.labelOf(method), code })

  /** Two processes use one key. */
  clonedKey(): void {
    this.#cloned.inc()
  }

  /** Port of room transport: a connection was not admitted. */
  refused(peerId: string, reason: MeshError): void {
    this.#refused.inc({ code: reason.code })
    this.#log.info(
      { event: 'connection-refused', peerId, code: reason.code, reason: reason.message },
      'connection refused',
    )
  }

  /** Port of room transport: an attempt to find a better path ended. */
  pathUpgraded({ path, result, ...attempt }: ObservedUpgrade): void {
    this.#upgrades.inc({ path, result })
    this.#log.debug({ path, result, ...attempt, event: 'path-upgrade-ended' }, 'better path sought')
  }

  #knowledge({ map, head }: Pick<MemberMetricsInit, 'map' | 'head'>): void {
    new Gauge({
      name: 'agent_mesh_map_members',
      help: 'Members in the map',
      registers: [this.registry],
      collect() {
        this.set(map.size)
      },
    })
    new Gauge({
      name: 'agent_mesh_head_number',
      help: 'Number of each part of the head in force',
      labelNames: ['part'],
      registers: [this.registry],
      collect() {
        for (const part of parts) this.set({ part }, head.current.numbers[part])
      },
    })
    new Gauge({
      name: 'agent_mesh_head_age_seconds',
      help: 'Time since the head in force was signed',
      registers: [this.registry],
      collect() {
        this.set((Date.now() - head.current.issuedAt) / 1000)
      },
    })
  }

  observeLinks(links: ObservedLinks): void {
    links.onUp(({ path }) => this.#opened.inc({ path }))
    links.onDown(({ path }) => this.#closed.inc({ path }))
    new Gauge({
      name: 'agent_mesh_links',
      help: 'Links that are up',
      labelNames: ['path'],
      registers: [this.registry],
      collect() {
        const all = links.all()
        for (const path of paths) this.set({ path }, all.filter(link => link.path === path).length)
      },
    })
  }

  observeRevocations(revocations: ObservedRevocations): void {
    const seconds = new Histogram({
      name: 'agent_mesh_revocation_cutoff_seconds',
      help: 'From the revocation of a member to the end of a link to it',
      buckets: cutOffBuckets,
      registers: [this.registry],
    })
    revocations.onCutOff(({ afterMs }) => {
      if (afterMs !== undefined) seconds.observe(afterMs / 1000)
    })
  }

  /** Adds a gauge of one number, read when asked. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read())
      },
    })
  }

  /** Adds a gauge by one label, read when asked. */
  gauges(name: string, help: string, label: string, read: () => ByLabel): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        refill(this, label, read())
      },
    })
  }

  /** Adds a counter by one label, read when asked. */
  counter(name: string, help: string, label: string, read: () => ByLabel): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        refill(this, label, read())
      },
    })
  }
}

/** Drops the numbers of labels that are no longer read. */
function refill(metric: Pick<Counter, 'reset' | 'inc'>, label: string, numbers: ByLabel): void {
  metric.reset()
  for (const [value, count] of numbers) metric.inc({ [label]: value }, count)
}

export const memberMetrics = (init: MemberMetricsInit): MemberMetrics => new MemberMetrics(init)
