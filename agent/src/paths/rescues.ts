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
  readonly #links: Pick<LinkTable, 'onDoubt' | 'best'>
  readonly #log: Logger
  readonly #linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  readonly #stopping = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  #unsubscribe: (() => void) | undefined

  constructor(init: RescuesInit) {
    this.#links = init.links
    this.#log = init.log
    this.#linkTo = init.linkTo
  }

  start(): void {
    this.#unsubscribe ??= this.#links.onDoubt(link => {
      if (link.suspect) this.#rescue(link.peer.peerId)
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#stopping.abort()
    await Promise.all(this.#running.values())
  }

  #rescue(peerId: string): void {
    if (this.#running.has(peerId) || this.#links.best(peerId) !== undefined || this.#stopping.signal.aborted)
      return
    this.#log.info({ event: 'path-silent', peerId }, 'path fell silent; opening another')
    const rescue = this.#linkTo(peerId, this.#stopping.signal)
      .then(
        link =>
          this.#log.info(
            { event: 'path-rescued', peerId, path: link.path },
            'calls continue over another path',
          ),
        (err: unknown) => this.#log.warn({ event: 'path-not-rescued', peerId, err }, 'no other path'),
      )
      .finally(() => this.#running.delete(peerId))
    this.#running.set(peerId, rescue)
  }
}
