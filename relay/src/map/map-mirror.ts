/** The relay's copy of head and map: pushed by the watch, polled each 60 s. */
import {
  pullMap,
  type ControlPlaneClient,
  type HeadKeeper,
  type Logger,
  type MeshMap,
} from '@agent-mesh/agent'
import { MeshError, rolledBack, type HeadNumbers, type MapMessage } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { Watch, type WatchInit } from './watch.ts'

export interface MapMirrorInit extends Pick<WatchInit, 'silenceMs' | 'onSilent'> {
  client: ControlPlaneClient
  head: HeadKeeper
  map: MeshMap
  log: Logger
  /** Pause between polls. */
  pollMs: number
}

export class MapMirror {
  readonly #init: MapMirrorInit
  readonly #watch: Watch
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  /** A newer head was reported during a poll that may have asked before it. */
  #again = false

  constructor(init: MapMirrorInit) {
    this.#init = init
    this.#watch = new Watch({
      target: () => this.#watchTarget(),
      onMessage: message => this.#receive(message),
      log: init.log,
      silenceMs: init.silenceMs,
      onSilent: init.onSilent,
    })
  }

  /** Whether changes are pushed at this moment. */
  get watching(): boolean {
    return this.#watch.connected
  }

  /** @returns when the first poll is over, with or without a reply */
  start(): Promise<void> {
    const polled = this.#poll()
    this.#watch.start()
    return polled
  }

  /** The numbers of the head in a reply: a newer head is fetched at once. */
  heard(numbers: HeadNumbers): void {
    const known = this.#init.head.current.numbers
    if (rolledBack(numbers, known) === undefined || this.#stopping.signal.aborted) return
    this.#again = this.#polling !== undefined
    if (this.#again) return
    clearTimeout(this.#timer)
    void this.#poll()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#watch.stop()
    await this.#polling
  }

  #poll(): Promise<void> {
    const { signal } = this.#stopping
    return (this.#polling = pullMap(this.#init, signal)
      .catch((error: unknown) => {
        if (!signal.aborted)
          this.#init.log.warn(
            { event: 'map-not-polled', err: error },
            'map not polled; using the one on disk',
          )
      })
      .finally(() => {
        this.#polling = undefined
        if (signal.aborted) return
        const pause = this.#again ? 0 : this.#init.pollMs
        this.#again = false
        this.#timer = setTimeout(() => void this.#poll(), timerDelay(pause))
      }))
  }

  async #watchTarget(): Promise<{ url: URL; headers: Record<string, string> }> {
    const { client, map } = this.#init
    const { watchUrl } = await client.bootstrap({}, this.#stopping.signal)
    const url = new URL(watchUrl)
    if (map.cursor !== undefined) url.searchParams.set('since', map.cursor)
    return { url, headers: await client.authorize(url) }
  }

  async #receive(message: MapMessage): Promise<void> {
    const { head, map } = this.#init
    if (message.type === 'head') await head.accept(message.head).catch(ignoreOlder)
    else if (message.type === 'changes') await map.apply(message.page)
    else if (message.type === 'restart') map.restart()
  }
}

/** Two control plane processes may be a moment apart. */
const ignoreOlder = (error: unknown) => {
  if (!(error instanceof MeshError) || error.code !== 'conflict') throw error
}
