/**
 * Two processes with one key: a copied data folder, or a stolen key. Each start has a `boot` id of its own, sent in hello.
 * A member with links to two of them that both answer has found a clone; a link left over from before a restart answers no
 * more. The process itself finds out when a record was published over its own that it did not sign.
 */
import { randomBytes } from 'node:crypto'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import type { MemberAudit } from './member-audit.ts'

export interface ClonesInit {
  links: { of(peerId: string): readonly Link[]; onUp(callback: (link: Link) => void): () => void }
  /** Answers once the other end does. */
  ping: (link: Link) => Promise<unknown>
  audit: Pick<MemberAudit, 'cloned'>
  /** Counts one found. */
  count: () => void
  log: Logger
}

/** Members remembered to be cloned; more are found but not listed. */
const mostListed = 64

/** A name for this start of the process. */
export const newBoot = (): string => randomBytes(16).toString('base64url')

export class Clones {
  readonly #links: ClonesInit['links']
  readonly #ping: (link: Link) => Promise<unknown>
  readonly #count: () => void
  readonly #audit: Pick<MemberAudit, 'cloned'>
  readonly #log: Logger
  readonly #found = new Map<string, string>()
  #own: string | undefined
  readonly #looks = new Set<Promise<void>>()
  readonly #unlisten: () => void

  constructor(init: ClonesInit) {
    this.#links = init.links
    this.#ping = init.ping
    this.#count = init.count
    this.#audit = init.audit
    this.#log = init.log
    this.#unlisten = init.links.onUp(link => {
      const look: Promise<void> = this.#look(link).finally(() => this.#looks.delete(look))
      this.#looks.add(look)
    })
  }

  /** Stops; resolves when no ping runs any more. */
  async stop(): Promise<void> {
    this.#unlisten()
    await Promise.all(this.#looks)
  }

  /** For `status`. */
  get warnings(): string[] {
    const others = [...this.#found.values()].map(name => `cloned key: two processes use the key of ${name}`)
    return this.#own === undefined ? others : [this.#own, ...others]
  }

  /** Called when another process published with the own key. @param incarnation of its record */
  own(peerId: string, incarnation: number): void {
    if (this.#own !== undefined) return
    this.#own = `cloned key: two processes use the key of this member; the other one published record ${incarnation}, so this one falls silent and looks every few minutes whether that one still runs`
    this.#tell(peerId, { incarnation })
  }

  /** Never rejects: a link that does not answer is no clone. */
  async #look(link: Link): Promise<void> {
    const { peerId, boot, credential } = link.peer
    if (boot === undefined || this.#found.has(peerId)) return
    const other = this.#links
      .of(peerId)
      .find(({ peer, state }) => state === 'up' && peer.boot !== undefined && peer.boot !== boot)
    if (other === undefined) return
    const both = await Promise.all([this.#ping(other), this.#ping(link)]).catch(() => undefined)
    if (both === undefined || this.#found.has(peerId)) return
    if (this.#found.size < mostListed) this.#found.set(peerId, credential.name)
    this.#tell(peerId, { name: credential.name, boots: [other.peer.boot, boot] })
  }

  /** The other process does not publish any more. */
  alone(): void {
    this.#own = undefined
  }

  #tell(peerId: string, detail: Record<string, unknown>): void {
    this.#count()
    this.#audit.cloned(peerId, detail)
    this.#log.warn({ peerId, ...detail, event: 'key-cloned' }, 'two processes use one key')
  }
}
