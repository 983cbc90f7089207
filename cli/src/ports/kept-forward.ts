/**
 * A port of this machine that is kept whatever becomes of the agent. The agent listens where it can: the bytes then pass no other process.
 * This process listens while the agent is stopped, is of an older version, may not use the port or has another network.
 */
import { unlessAborted } from '@agent-mesh/agent/core/unless-aborted'
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'

import type { AgentListener } from './forward-by-agent.ts'
import type { ForwardedPort } from './forward-port.ts'

interface Address {
  host: string
  port: number
}

export interface KeptForwardInit {
  listen: Address
  /** Ends the wait for the first listener: `cancelled`. */
  signal: AbortSignal
  /** Asks the agent to listen. `signal` ends the asking, not the listener. */
  byAgent(listen: Address, signal: AbortSignal): Promise<AgentListener>
  /** Listens in this process. */
  here(listen: Address): Promise<ForwardedPort>
  /** Nothing listens: said once, and tried again. */
  failed(error: MeshError): void
}

/** The port is not free yet when an agent stops: tried again so soon, ms; after so many tries that is said, and the next ones are rare. */
const again = { ms: 50, tries: 20 } as const
/** An agent that has started is asked within this, and a port of another program tried, ms. */
const lookMs = 1_000
/** One that refused may have been replaced: asked again after this, ms. */
const refusedMs = 30_000

/** Listens until it is stopped. @throws MeshError when nothing can listen there now, as {@link forwardPort}; cancelled */
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
  /** Tries in a row after which nothing listened. */
  #misses = 0

  constructor(init: KeptForwardInit) {
    this.#init = init
  }

  async begin(): Promise<Address> {
    const { listen, signal, byAgent, here } = this.#init
    this.#byAgent = await byAgent(listen, signal).catch(() => undefined)
    if (this.#byAgent !== undefined) return this.#byAgent
    if (signal.aborted)
      throw new MeshError('cancelled', `Cannot listen on ${listen.host}:${listen.port}: interrupted`)
    return (this.#here = await here(listen))
  }

  end(): void {
    this.#stopping.abort()
  }

  /** Resolves when it has ended, and the port is free. */
  async keep(at: Address): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      if (this.#byAgent !== undefined) await unlessAborted(this.#byAgent.ended, signal)
      if (signal.aborted) break
      this.#byAgent = undefined
      const pause = await this.#listen(at)
      if (pause > 0) await sleep(pause, { signal }).catch(() => undefined)
    }
    const all = [this.#byAgent, this.#here, ...this.#released]
    await Promise.all(all.map(listener => listener?.stop()))
  }

  /** Lets the agent listen, or else this process. @returns ms until the agent is asked again; 0 when it listens */
  async #listen(at: Address): Promise<number> {
    const refused = await this.#listenHere(at)
    const code = await this.#askAgent(at)
    if (code === undefined) return 0
    if (refused !== undefined) return this.#missed(refused)
    // It could, if this process were not in its way.
    if (code === 'conflict') return this.#handOver(at)
    return code === 'unsupported' || code === 'permission_denied' ? refusedMs : lookMs
  }

  /** @returns why not */
  async #listenHere(at: Address): Promise<MeshError | undefined> {
    try {
      this.#here ??= await this.#init.here(at)
      this.#misses = 0
      return undefined
    } catch (thrown) {
      return toMeshError(thrown, 'unavailable', 'listen')
    }
  }

  /** @returns why it does not listen */
  async #askAgent(at: Address): Promise<ErrorCode | undefined> {
    try {
      this.#byAgent = await this.#init.byAgent(at, this.#stopping.signal)
      this.#misses = 0
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
    const code = await this.#askAgent(at)
    if (code === undefined) return 0
    const refused = await this.#listenHere(at)
    if (refused === undefined) return refusedMs
    // Neither gets what this process has just released: another program was faster.
    if (code === 'conflict' && refused.code === 'conflict') this.#misses = again.tries - 1
    return this.#missed(refused)
  }

  /** Nothing listens: said once. @returns as {@link #listen} */
  #missed(refused: MeshError): number {
    this.#misses++
    if (this.#misses === again.tries) this.#init.failed(refused)
    return this.#misses < again.tries ? again.ms : lookMs
  }
}
