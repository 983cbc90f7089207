/**
 * One attempt to find a better path to a peer, at either end: both exchange what they can do, begin at the same time and try
 * all ways at once. It succeeds with the first direct link, dialled by either side; a WebRTC link may be replaced until TCP gives up.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, upgradeLimits, type UpgradeOffer } from '@agent-mesh/protocol'
import { timeoutSignal, timerDelay } from '@agent-mesh/protocol/timers'
import { paths, type Path } from '../address.ts'
import type { LinkTable } from '../links/link-table.ts'
import type { Link } from '../links/link.ts'
import type { Conversation } from './conversation.ts'
import { upgradeDefaults } from './defaults.ts'
import { dialableOf, localAddresses, mayReach, type Place } from './offered-addresses.ts'
import type { Observed } from './observed-addresses.ts'
import { punch } from './punch.ts'
import { tryWays, type Way } from './ways.ts'
import type { WebRtcAttempt } from './webrtc.ts'

export interface Dials {
  /** Resolves when there is a link. */
  direct(addr: string, peerId: string, signal: AbortSignal): Promise<unknown>
  meet(
    addr: string,
    peerId: string,
    options: { localPort: number; initiator: boolean; signal: AbortSignal },
  ): Promise<unknown>
  webrtc(attempt: WebRtcAttempt, signal: AbortSignal): Promise<unknown>
  acceptWebrtc(attempt: WebRtcAttempt, signal: AbortSignal): Promise<void>
}

export interface UpgradeAttemptInit {
  links: LinkTable
  dials: Dials
  observed: () => Observed
  interfaces: () => Place['interfaces']
  /** Own addresses, as the record lists them. */
  listen: () => readonly string[]
  /** Whether WebRTC can be loaded, as far as is known. */
  webrtc: () => boolean
}

export interface UpgradeOutcome {
  /** The better path there is now. */
  upgraded: Path | undefined
  /** Why each way failed, the peer's words marked as such. */
  reasons: string[]
}

interface Role {
  peerId: string
  conversation: Conversation
  theirs: UpgradeOffer
  initiator: boolean
  before: Path
}

type Message = Awaited<ReturnType<Conversation['next']>>

export class UpgradeAttempt {
  readonly #observed: () => Observed
  readonly #listen: () => readonly string[]
  readonly #mayUseWebrtc: () => boolean
  readonly #interfaces: () => Place['interfaces']
  readonly #links: LinkTable
  readonly #dials: Dials

  constructor(init: UpgradeAttemptInit) {
    this.#observed = init.observed
    this.#listen = init.listen
    this.#mayUseWebrtc = init.webrtc
    this.#interfaces = init.interfaces
    this.#links = init.links
    this.#dials = init.dials
  }

  /** The lower peer's part. @throws MeshError when the peer does not take part */
  async begin(conversation: Conversation, link: Link, signal: AbortSignal): Promise<UpgradeOutcome> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(upgradeDefaults.answerMs)])
    const sentAt = performance.now()
    const mine = this.#offer('offer', link.path)
    conversation.send(mine)
    const theirs = expected('answer', await conversation.next(limit))
    const oneWayMs = (performance.now() - sentAt) / 2
    conversation.send({ type: 'sync' })
    await delay(timerDelay(oneWayMs), undefined, { signal })
    return this.#race(
      { peerId: link.peer.peerId, conversation, theirs, initiator: true, before: link.path },
      signal,
    )
  }

  /** The higher peer's part, after the offer. @throws MeshError */
  async answer(
    conversation: Conversation,
    theirs: UpgradeOffer,
    link: Link,
    signal: AbortSignal,
  ): Promise<UpgradeOutcome> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(upgradeDefaults.answerMs)])
    conversation.send(this.#offer('answer', link.path))
    expected('sync', await conversation.next(limit))
    return this.#race(
      { peerId: link.peer.peerId, conversation, theirs, initiator: false, before: link.path },
      signal,
    )
  }

  #offer(type: 'offer' | 'answer', path: Path): UpgradeOffer {
    const { localPort, mapping, addrs } = this.#observed()
    const local = localPort === undefined ? [] : localAddresses(localPort, this.#place())
    return {
      type,
      mapping,
      observed: addrs.slice(0, upgradeLimits.observed),
      local: local.slice(0, upgradeLimits.local),
      listen: this.#listen().slice(0, upgradeLimits.listen),
      webrtc: path === 'relay' && this.#mayUseWebrtc(),
    }
  }

  #place(): Place {
    return { observed: this.#observed().addrs, interfaces: this.#interfaces() }
  }

  async #race(role: Role, signal: AbortSignal): Promise<UpgradeOutcome> {
    const over = new AbortController()
    const isDirect = (link: Link) => link.peer.peerId === role.peerId && link.path === 'direct'
    // Deferred: the dial that made this link ends first, or it would be one that was given up.
    let winning: NodeJS.Immediate | undefined
    const win = () => (winning ??= setImmediate(() => over.abort()))
    const unsubscribe = this.#links.onUp(link => isDirect(link) && win())
    if (this.#links.best(role.peerId)?.path === 'direct') win()
    const race = AbortSignal.any([signal, over.signal])
    const accepting = role.initiator ? undefined : this.#accept(role, race)
    try {
      const reasons = await tryWays(this.#ways(role), race)
      reasons.push(...(await this.#result(role, reasons, race)))
      signal.throwIfAborted()
      return { upgraded: this.#better(role), reasons }
    } finally {
      clearImmediate(winning)
      over.abort()
      unsubscribe()
      await accepting
    }
  }

  #better({ peerId, before }: Role): Path | undefined {
    const now = this.#links.best(peerId)?.path
    return now !== undefined && paths.indexOf(now) < paths.indexOf(before) ? now : undefined
  }

  #ways(role: Role): Way[] {
    const { peerId, theirs, initiator } = role
    const { localPort, mapping, addrs } = this.#observed()
    const dialable = dialableOf(theirs, this.#place())
    const ways: Way[] = dialable.listen.map(addr => ({
      name: 'direct',
      afterMs: initiator ? 0 : upgradeDefaults.dialHeadStartMs,
      run: signal => this.#dials.direct(addr, peerId, signal),
    }))
    const cannotMeet = reasonNotToPunch(mapping, theirs, localPort === undefined || addrs.length === 0)
    const meets = cannotMeet === undefined && localPort !== undefined && dialable.punch.length > 0
    const dial = (addr: string, signal: AbortSignal) =>
      this.#dials.meet(addr, peerId, { localPort: localPort ?? 0, initiator, signal })
    const meeting = (signal: AbortSignal) => punch({ addrs: dialable.punch, dial }, signal)
    const fail = () =>
      Promise.reject(
        new MeshError('unavailable', `Cannot punch: ${cannotMeet ?? 'no address that may be dialled'}`),
      )
    ways.push({ name: 'punch', afterMs: 0, run: meets ? meeting : fail })
    const webrtc = initiator && this.#mayUseWebrtc() && theirs.webrtc && role.before === 'relay'
    const afterMs = meets || dialable.listen.length > 0 ? upgradeDefaults.webrtcHeadStartMs : 0
    if (webrtc)
      ways.push({ name: 'webrtc', afterMs, run: signal => this.#dials.webrtc(this.#webrtc(role), signal) })
    return ways
  }

  #webrtc({ peerId, conversation }: Role): WebRtcAttempt {
    const place = this.#place()
    return { peerId, conversation, mayReach: host => mayReach(host, place) }
  }

  async #accept(role: Role, signal: AbortSignal): Promise<void> {
    if (role.before !== 'relay' || !this.#mayUseWebrtc()) return
    // The failure is in the result of the other side.
    await this.#dials.acceptWebrtc(this.#webrtc(role), signal).catch(() => {})
  }

  /** Exchanges results with the peer, whose attempt may still reach this member. */
  async #result({ conversation }: Role, own: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (signal.aborted) return []
    const reasons = own.slice(0, upgradeLimits.reasons).map(printable)
    conversation.send({ type: 'result', reasons })
    const limit = upgradeDefaults.resultMs + upgradeDefaults.webrtcMs
    const late = AbortSignal.any([signal, timeoutSignal(limit)])
    try {
      const theirs = expected('result', await conversation.next(late))
      return theirs.reasons
        .filter(reason => !reasons.includes(reason))
        .map(reason => `the peer says: ${reason}`)
    } catch {
      return []
    }
  }
}

function reasonNotToPunch(
  mine: UpgradeOffer['mapping'],
  theirs: UpgradeOffer,
  unknown: boolean,
): string | undefined {
  if (unknown) return 'no relay said where this member is'
  if (mine === 'varies') return 'this NAT gives each connection another port'
  if (theirs.mapping === 'varies') return "the peer's NAT gives each connection another port"
  return theirs.observed.length === 0 ? 'no relay said where the peer is' : undefined
}

/** @throws MeshError unavailable when the peer refused; protocol_error at another message */
function expected<T extends Message['type']>(type: T, message: Message): Extract<Message, { type: T }> {
  if (message.type === 'refused')
    throw new MeshError('unavailable', `Cannot upgrade: the peer says ${message.reason}`)
  if (message.type !== type)
    throw new MeshError('protocol_error', `Cannot upgrade: ${message.type} came where ${type} was due`)
  return message as Extract<Message, { type: T }>
}

const printable = (text: string): string =>
  text.replace(/[^\x20-\x7e]/g, '?').slice(0, upgradeLimits.reasonChars)
