/**
 * Finds paths that fell silent: with work in flight a path is probed each second; 2.5 s of silence makes it suspect, so
 * that new calls take another, 3 s end its streams, 15 s end it. A blocked event loop, the own or the peer's, is slow, not dead. One timer for
 * all links.
 */
import { MeshError } from '@agent-mesh/protocol'
import type { RpcLink, WheelClock } from '../rpc/index.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'
import { silentMs, verdictOf, wasLate, type Silence } from './silence.ts'

export interface PathWatchInit {
  links: Pick<LinkTable, 'all' | 'of' | 'onUp' | 'onDoubt' | 'best' | 'suspect' | 'trust'>
  rpcOf: (link: Link) => Pick<RpcLink, 'ping' | 'stats' | 'doubt' | 'forsake' | 'loseStreams'>
  /** Whether a path at rest is suspect sooner while another one is: what ends one, a new address say, often ends all. */
  jointly: boolean
  clock: WheelClock
}

/**
 * Silence after which a link is probed though nothing waits on it, ms; undefined: it is not.
 * @param active whether there was work on any link of late
 */
export type RestPace = (link: Link, active: boolean) => number | undefined

interface LinkSilence {
  since: number
  working: boolean
  askedAt: number | undefined
  /** When a probe was last sent. */
  probedAt: number
}

/** One look at all links. */
interface Moment {
  now: number
  /** The own event loop was late. */
  late: boolean
  /** Another path is suspect. */
  elsewhere: boolean
}

export class PathWatch {
  readonly #clock: WheelClock
  readonly #links: PathWatchInit['links']
  readonly #rpcOf: PathWatchInit['rpcOf']
  readonly #jointly: boolean
  readonly #watched = new WeakMap<Link, LinkSilence>()
  readonly #undo: (() => void)[] = []
  readonly #restPaces: RestPace[] = []
  #lastTick = 0
  /** When work was last seen on any link. */
  #activeAt = -Infinity

  constructor(init: PathWatchInit) {
    this.#clock = init.clock
    this.#links = init.links
    this.#rpcOf = init.rpcOf
    this.#jointly = init.jointly
  }

  /** From now on links at rest are probed at this pace too: the shortest of all counts. */
  probeAtRest(pace: RestPace): void {
    this.#restPaces.push(pace)
  }

  start(): void {
    if (this.#undo.length > 0) return
    this.#lastTick = this.#clock.now()
    this.#undo.push(
      this.#clock.every(pathDefaults.pathTickMs, () => this.tick()),
      this.#links.onUp(link => this.#moveFrom(link.peer.peerId)),
      // Also of a link that did not answer when it was verified.
      this.#links.onDoubt(link => {
        if (link.suspect) this.#rpcOf(link).doubt()
      }),
    )
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo()
  }

  /** The network changed: probes every path. */
  probeAll(): void {
    for (const link of this.#links.all()) this.ask(link)
  }

  /** Probes this path. */
  ask(link: Link): void {
    this.answer(link).catch(() => undefined)
  }

  /** Probes this path. @returns ms of the round trip @throws MeshError when there is no answer in time */
  answer(link: Link): Promise<number> {
    const now = this.#clock.now()
    const working = this.#watched.get(link)?.working ?? false
    return this.#probe(link, this.#watch(link, now, working), now)
  }

  /** Looks at all links once. */
  tick(): void {
    const now = this.#clock.now()
    const late = wasLate(now - this.#lastTick)
    this.#lastTick = now
    const links = this.#links.all().filter(({ state }) => state !== 'down')
    const suspects = links.filter(({ suspect }) => suspect).length
    for (const link of links) this.#look(link, { now, late, elsewhere: suspects - Number(link.suspect) > 0 })
  }

  #look(link: Link, { now, late, elsewhere }: Moment): void {
    const { stats } = this.#rpcOf(link)
    const working = stats.outbound + stats.inbound > 0
    if (working) this.#activeAt = now
    const known = this.#watched.get(link)
    const active = now - this.#activeAt < pathDefaults.activeMs
    const restMs = this.#restMs(link, active)
    if (!working && !link.suspect && known?.askedAt === undefined && restMs === undefined)
      return void this.#watched.delete(link)
    const watched = this.#watch(link, now, working)
    if (late) watched.since = now
    const heardAt = stats.lastProgressAt
    if (watched.askedAt !== undefined && heardAt >= watched.askedAt) watched.askedAt = undefined
    const pace = working || link.suspect ? pathDefaults.pathProbeMs : (restMs ?? pathDefaults.relayProbeMs)
    const unasked = link.suspect && watched.askedAt === undefined && watched.probedAt === -Infinity
    if (unasked || now - Math.max(heardAt, watched.probedAt, watched.since) >= pace)
      this.#probe(link, watched, now).catch(() => undefined)
    const { since, askedAt } = watched
    const silence = { heardAt, watchedSince: since, working, askedAt, now }
    this.#judge(link, silence, elsewhere && this.#jointly)
  }

  #restMs(link: Link, active: boolean): number | undefined {
    const paces = this.#restPaces.map(pace => pace(link, active)).filter(ms => ms !== undefined)
    return paces.length === 0 ? undefined : Math.min(...paces)
  }

  #watch(link: Link, now: number, working: boolean): LinkSilence {
    const known = this.#watched.get(link)
    const begins = { since: now, working, askedAt: undefined, probedAt: -Infinity }
    const watched = known ?? begins
    if (working && !watched.working && !link.suspect) watched.since = now
    watched.working = working
    this.#watched.set(link, watched)
    return watched
  }

  /** Any byte is an answer to the silence: the outcome of the probe itself does not matter for that. */
  #probe(link: Link, watched: LinkSilence, now: number): Promise<number> {
    watched.probedAt = now
    watched.askedAt ??= now
    return this.#rpcOf(link).ping(pathDefaults.pathLostMs)
  }

  #judge(link: Link, silence: Silence, elsewhere: boolean): void {
    const verdict = verdictOf(silence, elsewhere)
    if (verdict === 'lost') {
      const seconds = pathDefaults.pathLostMs / 1_000
      return link.abort(new MeshError('path_lost', `Cannot keep the link: no sign of life for ${seconds} s`))
    }
    if (verdict === 'trusted') {
      if (silence.askedAt === undefined) this.#links.trust(link)
      return
    }
    this.#links.suspect(link)
    if (silentMs(silence) >= pathDefaults.streamLostMs) this.#rpcOf(link).loseStreams()
    this.#moveFrom(link.peer.peerId)
  }

  /** Calls that may run twice leave suspect paths as soon as there is another. */
  #moveFrom(peerId: string): void {
    if (this.#links.best(peerId) === undefined) return
    for (const link of this.#links.of(peerId))
      if (link.suspect && link.state !== 'down') this.#rpcOf(link).forsake()
  }
}
