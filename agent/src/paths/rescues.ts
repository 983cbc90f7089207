/** Opens a second link to a peer whose link fell silent under its calls, so that they have somewhere to move. */
import type { Logger } from '../observe/logger.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Link } from '../transport/links/link.ts'

export interface RescuesInit {
  links: Pick<LinkTable, 'onDoubt' | 'best'>
  /** A link that is not suspect. @throws MeshError */
  linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  log: Logger
}

export class Rescues {
  readonly #init: RescuesInit
  readonly #stopping = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  #unsubscribe: (() => void) | undefined

  constructor(init: RescuesInit) {
    this.#init = init
  }

  start(): void {
    this.#unsubscribe ??= this.#init.links.onDoubt(link => {
      if (link.suspect) this.#rescue(link.peer.peerId)
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#stopping.abort()
    await Promise.all(this.#running.values())
  }

  #rescue(peerId: string): void {
    const { links, linkTo, log } = this.#init
    if (this.#running.has(peerId) || links.best(peerId) !== undefined || this.#stopping.signal.aborted) return
    log.info({ peerId }, 'path fell silent; opening another')
    const rescue = linkTo(peerId, this.#stopping.signal)
      .then(
        link => log.info({ peerId, path: link.path }, 'calls continue over another path'),
        (err: unknown) => log.warn({ peerId, err }, 'no other path'),
      )
      .finally(() => this.#running.delete(peerId))
    this.#running.set(peerId, rescue)
  }
}
