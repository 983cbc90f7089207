/**
 * Puts into effect what the signed list of revocations says: whoever is on it is cut off at once, its running calls end
 * with `revoked`; and whether this member is on it itself.
 */
import { isRevoked, MeshError, type VerifiedHead } from '@agent-mesh/protocol'
import type { ControlPlaneClient } from '../discovery/control-plane-client.ts'
import { acceptUnlessOlder, type HeadKeeper } from '../membership/head-keeper.ts'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import { Listeners } from '../core/listeners.ts'
import type { RpcSessions } from '../paths/rpc-sessions.ts'

/** A link that ended because its peer was revoked. */
export interface CutOff {
  peerId: string
  name: string
  /** From the revocation to now by this host's clock, ms; absent when the list does not say when. */
  afterMs: number | undefined
}

export interface RevocationsInit {
  self: { peerId: string; serial: () => string }
  head: HeadKeeper
  client: Pick<ControlPlaneClient, 'bootstrap'>
  links: Pick<LinkTable, 'all' | 'onUp' | 'disconnect'>
  sessions: Pick<RpcSessions, 'abort'>
  clock: Clock
  log: Logger
}

export class RevokedMembers {
  readonly #init: RevocationsInit
  readonly #cut: Listeners<CutOff>
  readonly #ownListeners: Listeners<void>
  #told = false

  constructor(init: RevocationsInit) {
    this.#init = init
    const failed = (err: unknown) => init.log.error({ err }, 'a listener of revocations failed')
    this.#cut = new Listeners(failed)
    this.#ownListeners = new Listeners(failed)
    init.head.onChange(({ revocations }) => this.#apply(revocations))
    // Admitted by the list of a moment ago, while the next one came.
    init.links.onUp(link => this.#look(link, init.head.current.revocations))
  }

  /** Whether this member was put out: nobody who knows the list talks to it any more. */
  get own(): boolean {
    const { self, head } = this.#init
    return isRevoked(head.current.revocations, { peerId: self.peerId, serial: self.serial() })
  }

  /** When this member was put out, unix milliseconds, if the list says so. */
  get ownAt(): number | undefined {
    return this.#init.head.current.revocations.times.get(this.#init.self.peerId)
  }

  /**
   * Whether this member was put out, asked when somebody says so: the signed list alone is believed, and the newest one is
   * fetched unless the known one names this member already. Never rejects.
   */
  async confirm(signal: AbortSignal): Promise<boolean> {
    const { client, head, log } = this.#init
    try {
      if (!this.own) await acceptUnlessOlder(head, (await client.bootstrap({}, signal)).head)
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'list of revocations not read; going on with the known one')
    }
    return this.own
  }

  /** Called when this member learns that it was put out. */
  onOwn(listener: () => void): () => void {
    return this.#ownListeners.add(listener)
  }

  /** Called for each link that ends by a revocation. */
  onCutOff(listener: (cut: CutOff) => void): () => void {
    return this.#cut.add(listener)
  }

  /** Looks at the list that is known from before this start. */
  start(): void {
    this.#apply(this.#init.head.current.revocations)
  }

  #apply(revocations: VerifiedHead['revocations']): void {
    for (const link of this.#init.links.all()) this.#look(link, revocations)
    const { own } = this
    const isNew = own && !this.#told
    // A control plane restored from a backup may take a revocation back, and give it again.
    this.#told = own
    if (!isNew) return
    const { log, self } = this.#init
    log.error({ peerId: self.peerId }, 'this member was revoked: nobody in the mesh talks to it any more')
    this.#ownListeners.emit()
  }

  #look(link: Link, revocations: VerifiedHead['revocations']): void {
    const { peerId, credential } = link.peer
    if (!isRevoked(revocations, { peerId, serial: credential.serial })) return
    const { links, sessions, clock, log } = this.#init
    const { name } = credential
    const reason = new MeshError('revoked', `Cannot go on with ${name}: it was revoked`)
    const at = revocations.times.get(peerId)
    const afterMs = at === undefined ? undefined : Math.max(0, clock.now() - at)
    sessions.abort(link, reason)
    links.disconnect(peerId, reason)
    log.info({ peerId, name, afterMs }, 'cut off a revoked member')
    this.#cut.emit({ peerId, name, afterMs })
  }
}
