/**
 * Replaces the circuits of a relay that leaves: each serves until a link over another relay stands, and retires then, so no call
 * waits for a dial. Only the end that dialled a circuit dials again.
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
  /** The most recently used first. */
  readonly #waiting: Link[] = []
  readonly #running = new Set<Promise<void>>()
  #unsubscribe: (() => void) | undefined

  constructor(init: CircuitMovesInit) {
    this.#links = init.links
    this.#self = init.self
    this.#linkTo = init.linkTo
    this.#log = init.log
  }

  start(): void {
    this.#unsubscribe ??= this.#links.onDisplaced(link => {
      if (link.dialler !== this.#self || this.#stopping.signal.aborted) return
      this.#waiting.push(link)
      this.#next()
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#stopping.abort()
    this.#waiting.length = 0
    await Promise.all(this.#running)
  }

  #next(): void {
    if (this.#running.size >= pathDefaults.circuitMoves) return
    const link = this.#waiting.shift()
    if (link === undefined) return
    const move: Promise<void> = this.#move(link).finally(() => {
      this.#running.delete(move)
      this.#next()
    })
    this.#running.add(move)
  }

  /** Retires the circuit in any case: calls that find no other link dial for themselves. */
  async #move(link: Link): Promise<void> {
    const { peerId } = link.peer
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(pathDefaults.circuitMoveMs)])
    while (link.state === 'up' && !signal.aborted)
      try {
        const { path, relayId } = await this.#linkTo(peerId, signal)
        this.#log.debug(
          { event: 'circuit-replaced', peerId, path, relayId },
          'circuit replaced: its relay leaves',
        )
        break
      } catch (err) {
        if (!signal.aborted)
          this.#log.debug({ event: 'circuit-not-replaced', peerId, err }, 'circuit not replaced yet')
        await delay(pathDefaults.circuitMoveRetryMs, undefined, { signal }).catch(() => undefined)
      }
    if (!this.#stopping.signal.aborted) this.#links.retire(link)
  }
}
