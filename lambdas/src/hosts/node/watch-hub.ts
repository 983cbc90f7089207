/** The watch WebSocket: `GET /v1/watch?since=CURSOR`, signed; for relays, and members that may manage `admin:watch`. */
import { basePathOf, MeshError, pathWithin, toMeshError } from '@agent-mesh/protocol'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { watchers as limits, watchHeadMs, watchPingMs, watchPollMs } from '../../defaults.ts'
import type { Caller } from '../../domain/callers.ts'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'
import { admitWatcher } from '../../routes/admit-watcher.ts'
import { publicProblem } from '../../routes/problem.ts'
import type { SourceLimit } from '../../routes/source-limit.ts'
import { Watcher } from './watcher.ts'

const path = '/v1/watch'
/** Watchers only listen: their messages are not read. */
const maxPayload = 1024

export class WatchHub {
  readonly #plane: ControlPlane
  readonly #sources: SourceLimit
  readonly #log: Log
  readonly #server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
  readonly #watchers = new Set<Watcher>()
  readonly #timers: NodeJS.Timeout[] = []
  #unlisten = (): void => {}
  #seen = ''
  #looking: Promise<void> | undefined
  #lookAgain = false
  #ending: Promise<void> = Promise.resolve()

  constructor({ plane, sources, log }: { plane: ControlPlane; sources: SourceLimit; log: Log }) {
    this.#plane = plane
    this.#sources = sources
    this.#log = log
  }

  get size(): number {
    return this.#watchers.size
  }

  start(): void {
    this.#unlisten = this.#plane.mesh.changes.listen(change => {
      if (change === 'elsewhere') this.#look()
      else if (change !== 'join') this.#wake(change)
    })
    this.#timers.push(
      setInterval(() => this.#watchers.forEach(watcher => watcher.ping()), watchPingMs),
      setInterval(() => this.#wake('head'), watchHeadMs),
      setInterval(() => this.#look(), watchPollMs),
    )
  }

  /**
   * Answers an upgrade request: with a connection, or with a problem. Never throws.
   * @param address of the sender; undefined for one of this machine
   */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address?: string): Promise<void> {
    const ignore = (err: Error): void =>
      this.#log.debug({ event: 'watch-handshake-failed', err }, 'watch handshake failed')
    socket.on('error', ignore)
    try {
      const url = new URL(request.url ?? '', 'http://control-plane')
      const caller = await this.#admit(request, url, address)
      socket.off('error', ignore)
      this.#server.handleUpgrade(request, socket, head, client => this.#add(client, caller, url))
    } catch (error) {
      refuseUpgrade(socket, toMeshError(error, 'internal', 'watch'))
    }
  }

  /** Connections first: nothing is read for a watcher that has disconnected. */
  async stop(): Promise<void> {
    this.#unlisten()
    for (const timer of this.#timers) clearInterval(timer)
    for (const watcher of this.#watchers) watcher.close(1001, 'the control plane stops')
    await Promise.all([...this.#watchers].map(watcher => watcher.stop()))
    await this.#looking
    await this.#ending
    this.#server.close()
  }

  async #admit({ headers }: IncomingMessage, url: URL, address: string | undefined): Promise<Caller> {
    if (pathWithin(basePathOf(this.#plane.mesh.publicUrl), url.pathname) !== path)
      throw new MeshError('not_found', `Cannot watch: there is no ${url.pathname.slice(0, 64)}`)
    const { authorization } = headers
    const caller = await admitWatcher(this.#plane, this.#sources, { address, authorization, url })
    if (this.size >= limits.most)
      throw new MeshError('overloaded', `Cannot watch: there are ${limits.most} watchers already`)
    return caller
  }

  #add(socket: WebSocket, { peerId }: Caller, url: URL): void {
    const since = url.searchParams.get('since') ?? undefined
    const watcher = new Watcher({ socket, peerId, plane: this.#plane, since, log: this.#log })
    this.#watchers.add(watcher)
    socket.on('close', () => this.#watchers.delete(watcher))
    const own = [...this.#watchers].filter(other => other.peerId === peerId)
    if (own.length > limits.perMember) own[0]?.close(1008, 'newer connections of this member')
    watcher.start()
  }

  #wake(what: 'head' | 'map'): void {
    for (const watcher of this.#watchers) watcher.wake(what)
    if (what === 'map' || this.#watchers.size === 0) return
    this.#ending = this.#ending
      .then(() => this.#endRevoked())
      .catch((err: unknown) =>
        this.#log.warn({ event: 'watchers-not-checked', err }, 'revoked watchers not looked for'),
      )
  }

  /** A revoked watcher gets its revocation and nothing after it: its connection would live for months. */
  async #endRevoked(): Promise<void> {
    const { revoked } = await this.#plane.revocation.list()
    const out = new Set(revoked.map(({ peerId }) => peerId))
    const ended = [...this.#watchers].filter(({ peerId }) => out.has(peerId))
    await Promise.all(ended.map(watcher => watcher.end(1008, 'revoked')))
  }

  /** Other processes may write to the same database. */
  #look(): void {
    if (this.#watchers.size === 0) return
    this.#lookAgain = true
    this.#looking ??= this.#compareAll()
      .catch((err: unknown) =>
        this.#log.warn({ event: 'changes-not-read', err }, 'changes of other writers not looked for'),
      )
      .finally(() => (this.#looking = undefined))
  }

  /** Changes that arrive during a check are checked too. */
  async #compareAll(): Promise<void> {
    while (this.#lookAgain) {
      this.#lookAgain = false
      await this.#compare()
    }
  }

  async #compare(): Promise<void> {
    const { store } = this.#plane.mesh
    const seen = JSON.stringify([await store.directory.readHeads(), await this.#plane.head.numbers()])
    if (seen === this.#seen) return
    this.#seen = seen
    this.#wake('head')
    this.#wake('map')
  }
}

/** Answers a handshake with a problem. */
export function refuseUpgrade(socket: Duplex, error: MeshError): void {
  const body = JSON.stringify(publicProblem(error))
  socket.end(
    `HTTP/1.1 ${error.status} ${error.code}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    // The server neither waits for it nor ends it: a refused client may keep it open.
    () => socket.destroy(),
  )
}
