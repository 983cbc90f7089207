/**
 * Finds members of the mesh on the LAN, and announces this one, without a control plane or relay. Each interface has a socket,
 * opened and closed as interfaces appear and disappear. On a new interface it sends a few questions, then listens. Members
 * announce themselves periodically: the more of them there are, the less often, so that a large LAN stays quiet.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { randomBytes } from 'node:crypto'
import { discoveryDefaults } from './defaults.ts'
import { announcedIn, announcementRecords, asksFor, mdnsTag, type DnsRecord } from './mdns-messages.ts'
import { openMdnsSocket, type MdnsSocket } from './mdns-socket.ts'

export interface LanInterface {
  /** IPv4. */
  address: string
  /** Address and prefix length. */
  cidr: string
}

export interface MdnsInit {
  meshId: string
  peerId: string
  /** Called twice a minute, and at each {@link Mdns.look}. */
  interfaces: () => readonly LanInterface[]
  /** TCP port listened on at an address of this host; undefined: this member finds others there, but is not announced. */
  portOn: (address: string) => number | undefined
  /** Called at each announcement of a member. */
  onFound: (peerId: string, addr: string) => void
  onError: (error: unknown) => void
  /** UDP. @default 5353 */
  port?: number | undefined
  /** Between two announcements, ms; more where many members are heard. @default a minute */
  tellMs?: number | undefined
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
}

interface Place {
  socket: MdnsSocket
  /** Questions sent so far. */
  asked: number
  askAt: number
  tellAt: number
  toldAt: number
}

export class Mdns {
  readonly #interfaces: () => readonly LanInterface[]
  readonly #port: number | undefined
  readonly #onError: (error: unknown) => void
  readonly #portOn: (address: string) => number | undefined
  readonly #peerId: string
  readonly #onFound: (peerId: string, addr: string) => void
  readonly #tag: string
  readonly #instance = randomBytes(8).toString('hex')
  readonly #tellMs: number
  readonly #random: () => number
  /** By address and prefix. */
  readonly #places = new Map<string, Place>()
  readonly #closing = new Set<Promise<void>>()
  /** Time of the last announcement by peer: their number sets the pace. */
  readonly #heard = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #lookAt = 0
  #stopped = false

  constructor(init: MdnsInit) {
    this.#interfaces = init.interfaces
    this.#port = init.port
    this.#onError = init.onError
    this.#portOn = init.portOn
    this.#peerId = init.peerId
    this.#onFound = init.onFound
    this.#tag = mdnsTag(init.meshId)
    this.#tellMs = init.tellMs ?? discoveryDefaults.mdnsTellMs
    this.#random = init.random ?? Math.random
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#tick()
  }

  /** Looks at the interfaces at once: they changed. */
  look(): void {
    if (this.#timer === undefined) return
    this.#lookAt = 0
    this.#tick()
  }

  /** Closes the sockets; no members are found any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const key of [...this.#places.keys()]) this.#close(key)
    await Promise.all([...this.#closing])
  }

  /** Runs due work and sleeps until the next is due. */
  #tick(): void {
    const now = performance.now()
    if (now >= this.#lookAt) {
      this.#lookAt = now + discoveryDefaults.mdnsLookMs
      this.#follow(now)
      for (const [peerId, at] of this.#heard)
        if (now - at > discoveryDefaults.mdnsTtlSeconds * 1_000) this.#heard.delete(peerId)
    }
    for (const [key, place] of this.#places) {
      if (now >= place.askAt) {
        place.askAt =
          place.asked < discoveryDefaults.mdnsQuestions
            ? now + discoveryDefaults.mdnsFirstAskMs * 2 ** place.asked
            : Infinity
        place.asked++
        place.socket.ask(this.#tag)
      }
      if (now >= place.tellAt) this.#tell(key, place, now)
    }
    this.#sleep(now)
  }

  #sleep(now: number): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    let next = this.#lookAt
    for (const { askAt, tellAt } of this.#places.values()) next = Math.min(next, askAt, tellAt)
    this.#timer = setTimeout(() => this.#tick(), timerDelay(Math.max(0, next - now))).unref()
  }

  /** Opens sockets on new interfaces, closes those of removed ones. */
  #follow(now: number): void {
    const current = new Map(this.#interfaces().map(lan => [lan.cidr, lan]))
    for (const key of [...this.#places.keys()]) if (!current.has(key)) this.#close(key)
    for (const [key, lan] of [...current].slice(0, discoveryDefaults.mdnsInterfaces))
      if (!this.#places.has(key)) this.#open(key, lan, now)
  }

  #open(key: string, { address, cidr }: LanInterface, now: number): void {
    const socket = openMdnsSocket({
      address,
      cidr,
      port: this.#port ?? discoveryDefaults.mdnsPort,
      onQuery: questions => this.#onQuery(key, questions),
      onResponse: (records, from) => this.#onResponse(records, from),
      onError: error => {
        this.#onError(error)
        this.#close(key)
        // Another process may hold the port exclusively: do not retry each second.
        this.#lookAt = performance.now() + discoveryDefaults.mdnsRetryMs
      },
    })
    this.#places.set(key, { socket, asked: 0, askAt: now, tellAt: now, toldAt: -Infinity })
  }

  #close(key: string): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    const closing: Promise<void> = place.socket.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #tell(key: string, place: Place, now: number): void {
    const pace = Math.max(this.#tellMs, this.#heard.size * discoveryDefaults.mdnsTellPerPeerMs)
    place.tellAt = now + pace * (0.75 + this.#random() / 2)
    place.toldAt = now
    const port = this.#portOn(key.split('/')[0] ?? '')
    if (port === undefined) return
    place.socket.tell(announcementRecords(this.#tag, this.#instance, { peerId: this.#peerId, port }))
  }

  /** Multicasts the answer, so that one answer serves all questions of about the same time. */
  #onQuery(key: string, questions: readonly { type?: unknown; name?: unknown }[]): void {
    const place = this.#places.get(key)
    if (place === undefined || !asksFor(this.#tag, questions)) return
    const gap = Math.max(
      discoveryDefaults.mdnsAnswerGapMs,
      this.#heard.size * discoveryDefaults.mdnsAnswerPerPeerMs,
    )
    const now = performance.now()
    place.tellAt = Math.min(place.tellAt, Math.max(now, place.toldAt + gap))
    this.#sleep(now)
  }

  #onResponse(records: readonly DnsRecord[], from: string): void {
    for (const { peerId, port } of announcedIn(this.#tag, records)) {
      if (peerId === this.#peerId) continue
      if (this.#heard.size < discoveryDefaults.mdnsPeers || this.#heard.has(peerId))
        this.#heard.set(peerId, performance.now())
      // Only the source address of the packet is used: a packet must not make this host dial a third host.
      this.#onFound(peerId, `/ip4/${from}/tcp/${port}`)
    }
  }
}
