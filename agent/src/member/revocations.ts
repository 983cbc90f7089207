/**
 * Enforces the signed list of revocations: a member on it is disconnected at once, its running calls end
 * with `revoked`; and whether this member is on it itself.
 */
import { endOf, MeshError, type VerifiedHead } from '@agent-mesh/protocol'
import type { ControlPlaneClient } from '../discovery/control-plane-client.ts'
import { acceptUnlessOlder, type HeadKeeper } from '../membership/head-keeper.ts'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import { atMost } from '../core/at-most.ts'
import { Listeners } from '../core/listeners.ts'
import { adviceOf, endedAs, endedError, endText, type Ended } from './membership-end.ts'
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

/**
 * Refuses a start where the first answer of the control plane says that the membership ended; waits a moment for it.
 * @param of.asked settles when it has answered, or did not @throws MeshError revoked, unauthenticated
 */
export async function refuseEnded(
  {
    revocations,
    credential,
  }: { revocations: Pick<RevokedMembers, 'ownEnd'>; credential: { claims: { name: string } } },
  { asked, limitMs }: { asked: Promise<unknown>; limitMs: number },
): Promise<void> {
  await atMost(limitMs, asked)
  if (revocations.ownEnd !== undefined) throw endedError(revocations.ownEnd, credential.claims.name)
}

export class RevokedMembers {
  readonly #head: HeadKeeper
  readonly #self: { peerId: string; serial: () => string }
  readonly #client: Pick<ControlPlaneClient, 'bootstrap'>
  readonly #log: Logger
  readonly #links: Pick<LinkTable, 'all' | 'onUp' | 'disconnect'>
  readonly #clock: Clock
  readonly #sessions: Pick<RpcSessions, 'abort'>
  readonly #cut: Listeners<CutOff>
  readonly #ownListeners: Listeners<void>
  #told = false

  constructor(init: RevocationsInit) {
    this.#head = init.head
    this.#self = init.self
    this.#client = init.client
    this.#log = init.log
    this.#links = init.links
    this.#clock = init.clock
    this.#sessions = init.sessions
    const failed = (err: unknown) =>
      init.log.error({ event: 'listener-failed', err }, 'a listener of revocations failed')
    this.#cut = new Listeners(failed)
    this.#ownListeners = new Listeners(failed)
    init.head.onChange(({ revocations }) => this.#apply(revocations))
    // Admitted by the list of a moment ago, while the next one came.
    init.links.onUp(link => this.#look(link, init.head.current.revocations))
  }

  /** Whether the membership of this member ended: members that know the list refuse it. */
  get own(): boolean {
    return this.ownEnd !== undefined
  }

  /** How and when it ended; undefined while it is in force. */
  get ownEnd(): Ended | undefined {
    return endedAs(this.#head.current.revocations, { peerId: this.#self.peerId, serial: this.#self.serial() })
  }

  /**
   * Whether the membership of this member ended, asked when an answer says so: only the signed list is believed, and the newest one is
   * fetched unless the known one names this member already. Never rejects.
   */
  async confirm(signal: AbortSignal): Promise<boolean> {
    try {
      if (!this.own) await acceptUnlessOlder(this.#head, (await this.#client.bootstrap({}, signal)).head)
    } catch (err) {
      if (!signal.aborted)
        this.#log.warn(
          { event: 'revocations-not-read', err },
          'list of revocations not read; the known one stays in force',
        )
    }
    return this.own
  }

  /** Called when this member learns that its membership ended. */
  onOwn(listener: () => void): () => void {
    return this.#ownListeners.add(listener)
  }

  /** Resolves when this member knows that its membership ended. */
  ended(): Promise<void> {
    return new Promise(resolve => (this.own ? resolve() : void this.onOwn(resolve)))
  }

  /** Called for each link that ends by a revocation. */
  onCutOff(listener: (cut: CutOff) => void): () => void {
    return this.#cut.add(listener)
  }

  /** Looks at the list that is known from before this start. */
  start(): void {
    this.#apply(this.#head.current.revocations)
  }

  #apply(revocations: VerifiedHead['revocations']): void {
    for (const link of this.#links.all()) this.#look(link, revocations)
    const { ownEnd } = this
    const isNew = ownEnd !== undefined && !this.#told
    // A control plane restored from a backup may take a revocation back, and give it again.
    this.#told = ownEnd !== undefined
    if (!isNew) return
    const hint = adviceOf(ownEnd.how)
    const { peerId } = this.#self
    this.#log.error(
      { event: 'self-revoked', peerId, hint },
      `this member ${endText(ownEnd)}: members refuse it`,
    )
    this.#ownListeners.emit()
  }

  #look(link: Link, revocations: VerifiedHead['revocations']): void {
    const { peerId, credential } = link.peer
    const ended = endOf(revocations, { peerId, serial: credential.serial })
    if (ended === undefined) return
    const { name } = credential
    const reason = new MeshError('revoked', `Cannot continue with ${name}: it was ${ended}`, {
      details: { ended },
    })
    const at = revocations.times.get(peerId)
    const afterMs = at === undefined ? undefined : Math.max(0, this.#clock.now() - at)
    this.#sessions.abort(link, reason)
    this.#links.disconnect(peerId, reason)
    this.#log.info({ event: 'member-cut-off', peerId, name, afterMs }, `cut off a member that was ${ended}`)
    this.#cut.emit({ peerId, name, afterMs })
  }
}
