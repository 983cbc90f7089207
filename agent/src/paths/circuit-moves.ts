/**
 * Replaces the circuits of a relay that leaves: each serves until a link over another relay stands, and retires then. Only the end
 * that dialled a circuit dials again. Both ends retire it after a time, whatever came of that: what runs on it has the rest of the
 * relay's drain time. A dial that is not done by then continues, because calls that find no other link wait for it: on a busy machine
 * it would be given up half way, and begun again by each of them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../observe/logger.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'

export interface CircuitMovesInit {
  /** Own peer id. */
  self: string
  links: Pick<LinkTable, 'onDisplaced' | 'retire'>
  /** A link that goes through no relay that leaves. @throws MeshError */
  linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  log: Logger
}

export class CircuitMoves {
  readonly #links: Pick<LinkTable, 'onDisplaced' | 'retire'>
  readonly #self: string
  readonly #linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  readonly #log: Logger
  readonly #stopping = new AbortController()
  /** The most recently used first; each retires at a time of `performance.now()`. */
  readonly #waiting: { link: Link; retiresAt: number }[] = []
  readonly #running = new Set<Promise<void>>()
  /** Those that are opened anew now: a dial that goes on after its circuit retired takes the place of no other. */
  readonly #placed = new Set<Link>()
  readonly #ends = new Set<NodeJS.Timeout>()
  #unsubscribe: (() => void) | undefined

  constructor(init: CircuitMovesInit) {
    this.#links = init.links
    this.#self = init.self
    this.#linkTo = init.linkTo
    this.#log = init.log
  }

  start(): void {
    this.#unsubscribe ??= this.#links.onDisplaced(link => {
      if (this.#stopping.signal.aborted) return
      this.#endLater(link)
      if (link.dialler !== this.#self) return
      this.#waiting.push({ link, retiresAt: performance.now() + pathDefaults.circuitMoveMs })
      this.#next()
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#stopping.abort()
    this.#waiting.length = 0
    for (const timer of this.#ends) clearTimeout(timer)
    await Promise.all(this.#running)
  }

  #endLater(link: Link): void {
    const timer = setTimeout(() => {
      this.#ends.delete(timer)
      this.#links.retire(link)
      this.#leave(link)
    }, pathDefaults.circuitMoveMs)
    this.#ends.add(timer)
  }

  #leave(link: Link): void {
    if (this.#placed.delete(link)) this.#next()
  }

  #next(): void {
    if (this.#placed.size >= pathDefaults.circuitMoves) return
    const soon = performance.now() + pathDefaults.circuitMoveRetryMs
    let next = this.#waiting.shift()
    while (next !== undefined && next.retiresAt <= soon) next = this.#waiting.shift()
    if (next === undefined) return
    const { link } = next
    this.#placed.add(link)
    const move: Promise<void> = this.#move(link, this.#stopping.signal).finally(() => {
      this.#running.delete(move)
      this.#leave(link)
    })
    this.#running.add(move)
  }

  async #move(link: Link, signal: AbortSignal): Promise<void> {
    while (link.state === 'up' && !signal.aborted) {
      if (await this.#isReplaced(link.peer.peerId, signal)) break
      await delay(pathDefaults.circuitMoveRetryMs, undefined, { signal }).catch(() => undefined)
    }
    if (!signal.aborted) this.#links.retire(link)
  }

  async #isReplaced(peerId: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { path, relayId, displaced } = await this.#linkTo(peerId, signal)
      if (displaced) return false
      this.#log.debug(
        { event: 'circuit-replaced', peerId, path, relayId },
        'circuit replaced: its relay leaves',
      )
      return true
    } catch (err) {
      if (!signal.aborted)
        this.#log.debug({ event: 'circuit-not-replaced', peerId, err }, 'circuit not replaced yet')
      return false
    }
  }
}
