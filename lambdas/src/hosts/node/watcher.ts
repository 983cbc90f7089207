import { MeshError, toMeshError, type MapMessage, type MapPage } from '@agent-mesh/protocol'
import type { WebSocket } from 'ws'
import { watchStallMs } from '../../defaults.ts'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'

export interface WatcherInit {
  socket: WebSocket
  peerId: string
  plane: Pick<ControlPlane, 'head' | 'map'>
  /** Cursor of the watcher in the map; undefined at the beginning. */
  since: string | undefined
  log: Log
}

/**
 * One connection that changes are pushed to. It reads the map from its own cursor, one message at a time: nothing is
 * queued for a slow watcher, and one that accepts no bytes is dropped.
 */
export class Watcher {
  readonly peerId: string
  readonly #socket: WebSocket
  readonly #plane: Pick<ControlPlane, 'head' | 'map'>
  readonly #log: Log
  readonly #peerId: string
  readonly #due = new Set<'head' | 'map'>(['head', 'map'])
  #cursor: string | undefined
  #pushing: Promise<void> | undefined
  #answered = true

  constructor(init: WatcherInit) {
    this.#socket = init.socket
    this.#plane = init.plane
    this.#log = init.log
    this.#peerId = init.peerId
    this.peerId = init.peerId
    this.#cursor = init.since
    init.socket.on('pong', () => (this.#answered = true))
    init.socket.on('message', () => this.close(1008, 'a watcher only listens'))
    init.socket.on('error', err =>
      init.log.debug({ event: 'watch-failed', err, peerId: init.peerId }, 'watch connection failed'),
    )
  }

  /** Pushes a change, after the current push. */
  wake(what: 'head' | 'map'): void {
    this.#due.add(what)
    this.start()
  }

  start(): void {
    this.#pushing ??= this.#push().finally(() => {
      this.#pushing = undefined
      // Pushes that came due since the last check.
      if (this.#open && this.#due.size > 0) this.start()
    })
  }

  /** Drops the connection if the last ping was not answered. */
  ping(): void {
    if (!this.#answered) return this.#socket.terminate()
    this.#answered = false
    if (this.#open) this.#socket.ping()
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  /** Closes after the current push. */
  async end(code: number, reason: string): Promise<void> {
    await this.#pushing
    this.close(code, reason)
  }

  /** Ends the connection at once, and waits for the current push to end. */
  async stop(): Promise<void> {
    this.#socket.terminate()
    await this.#pushing
  }

  get #open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  async #push(): Promise<void> {
    try {
      while (this.#open && this.#due.size > 0) {
        if (this.#due.delete('head'))
          await this.#send({ type: 'head', head: await this.#plane.head.signed() })
        if (this.#due.delete('map')) await this.#sendChanges()
      }
    } catch (error) {
      this.#log.warn({ event: 'watcher-dropped', err: error, peerId: this.#peerId }, 'watcher dropped')
      const bad = error instanceof MeshError && error.code === 'invalid_argument'
      if (bad) this.close(1008, error.message.slice(0, 120))
      else this.#socket.terminate()
    }
  }

  async #sendChanges(): Promise<void> {
    for (let more = true; more && this.#open;) {
      const page = await this.#nextPage()
      if (page.next !== this.#cursor) await this.#send({ type: 'changes', page })
      this.#cursor = page.next
      more = page.more
    }
  }

  async #nextPage(): Promise<MapPage> {
    const { map } = this.#plane
    try {
      return await map.page(this.#cursor)
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'map_gap') throw error
      await this.#send({ type: 'restart' })
      this.#cursor = undefined
      return map.page(undefined)
    }
  }

  /** Resolves when the system has accepted the bytes. */
  #send(message: MapMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const stalled = setTimeout(() => {
        reject(new MeshError('deadline_exceeded', `Cannot push: no bytes taken for ${watchStallMs} ms`))
      }, watchStallMs)
      this.#socket.send(JSON.stringify(message), error => {
        clearTimeout(stalled)
        if (error) reject(toMeshError(error, 'unavailable', 'push'))
        else resolve()
      })
    })
  }
}
