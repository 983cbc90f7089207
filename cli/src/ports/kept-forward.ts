/**
 * A port of this machine that is kept whatever becomes of the agent. The agent listens where it can: the bytes then pass no other process.
 * This process listens while the agent is stopped, is of an older version, may not use the port or has another network.
 */
import { toMeshError, type ErrorCode, type MeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'

import type { AgentListener } from './forward-by-agent.ts'
import type { ForwardedPort } from './forward-port.ts'

interface Address {
  host: string
  port: number
}

export interface KeptForwardInit {
  listen: Address
  /** Asks the agent to listen. `signal` ends the listener, too. */
  byAgent(listen: Address, signal: AbortSignal): Promise<AgentListener>
  /** Listens in this process. */
  here(listen: Address): Promise<ForwardedPort>
  /** Nothing listens: said once, and tried again. */
  failed(error: MeshError): void
}

/** The port is not free yet when an agent stops: tried again so soon, ms, and said after so many tries. */
const again = { ms: 50, tries: 20 } as const
/** An agent that has started is asked within this, ms. */
const lookMs = 1_000
/** One that refused may have been replaced: asked again after this, ms. */
const refusedMs = 30_000

/** Listens until it is stopped. @throws MeshError when nothing can listen there now, as {@link forwardPort} */
export async function keepForward(
  init: KeptForwardInit,
): Promise<Pick<ForwardedPort, 'host' | 'port' | 'stop'>> {
  const kept = new KeptForward(init)
  const { host, port } = await kept.begin()
  const keeping = kept.keep({ host, port })
  const stop = async () => {
    kept.end()
    await keeping
  }
  let stopped: Promise<void> | undefined
  return { host, port, stop: () => (stopped ??= stop()) }
}

class KeptForward {
  readonly #init: KeptForwardInit
  readonly #stopping = new AbortController()
  #byAgent: AgentListener | undefined
  #here: ForwardedPort | undefined
  /** Listen no longer; connections of theirs are open. */
  readonly #released = new Set<ForwardedPort>()

  constructor(init: KeptForwardInit) {
    this.#init = init
  }

  async begin(): Promise<Address> {
    const { listen, byAgent, here } = this.#init
    this.#byAgent = await byAgent(listen, this.#stopping.signal).catch(() => undefined)
    return this.#byAgent ?? (this.#here = await here(listen))
  }

  end(): void {
    this.#stopping.abort()
  }

  /** Resolves when it has ended, and the port is free. */
  async keep(at: Address): Promise<void> {
    const { signal } = this.#stopping
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    for (let tries = 1; ; tries++) {
      await Promise.race([this.#byAgent?.ended, aborted])
      if (signal.aborted) break
      this.#byAgent = undefined
      const pause = await this.#listen(at, tries)
      if (pause !== again.ms) tries = 0
      if (pause > 0) await sleep(pause, { signal }).catch(() => undefined)
    }
    const all = [this.#byAgent, this.#here, ...this.#released]
    await Promise.all(all.map(listener => listener?.stop()))
  }

  /** Lets the agent listen, or else this process. @returns ms until the agent is asked again; 0 when it listens */
  async #listen(at: Address, tries: number): Promise<number> {
    const refused = await this.#listenHere(at)
    if (tries === again.tries && refused !== undefined) this.#init.failed(refused)
    const code = await this.#askAgent(at)
    if (code === undefined) return 0
    if (this.#here === undefined) return again.ms
    // It could, if this process were not in its way.
    if (code === 'conflict') return this.#handOver(at)
    return code === 'unsupported' || code === 'permission_denied' ? refusedMs : lookMs
  }

  /** @returns why not */
  async #listenHere(at: Address): Promise<MeshError | undefined> {
    try {
      this.#here ??= await this.#init.here(at)
      return undefined
    } catch (thrown) {
      return toMeshError(thrown, 'unavailable', 'listen')
    }
  }

  /** @returns why it does not listen */
  async #askAgent(at: Address): Promise<ErrorCode | undefined> {
    try {
      this.#byAgent = await this.#init.byAgent(at, this.#stopping.signal)
      return undefined
    } catch (thrown) {
      return toMeshError(thrown, 'unavailable', 'listen').code
    }
  }

  /** New connections are the agent's, those of this process end by themselves. @returns as {@link #listen} */
  async #handOver(at: Address): Promise<number> {
    const before = this.#here as ForwardedPort
    this.#here = undefined
    this.#released.add(before)
    void before.release().then(() => this.#released.delete(before))
    if ((await this.#askAgent(at)) === undefined) return 0
    return (await this.#listenHere(at)) === undefined ? refusedMs : again.ms
  }
}
