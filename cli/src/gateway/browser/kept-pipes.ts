/**
 * Pipes to programs that wait for the next request of the same browser: to open one takes a round trip or two. They wait so briefly that
 * programs seldom end them first, and are in use so briefly that the policy and the owner of a port soon decide anew.
 */
import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'

import { timerDelay } from '@agent-mesh/protocol/timers'

import { gatewayDefaults } from '../defaults.ts'

export interface KeptPipesInit {
  /** ms without a request. @default 1,000 */
  waitMs?: number
  /** ms for which new requests use it. @default 10,000 */
  useMs?: number
}

export class KeptPipes {
  readonly #init: Required<KeptPipesInit>
  readonly #waiting = new Map<PipeAgent, () => void>()
  #isStopped = false

  constructor({
    waitMs = gatewayDefaults.pipeWaitMs,
    useMs = gatewayDefaults.pipeUseMs,
  }: KeptPipesInit = {}) {
    this.#init = { waitMs, useMs }
  }

  /** For requests of `browser` over a pipe that was opened now. */
  over(pipe: Duplex, browser: string): Agent {
    const until = performance.now() + this.#init.useMs
    const isFree = (agent: PipeAgent) => {
      const mayWait = !this.#isStopped && performance.now() < until
      if (mayWait) this.#wait(agent, pipe)
      return mayWait
    }
    return new PipeAgent({ pipe, browser, isFree })
  }

  /** One that waits; it can end before the request is answered. */
  take(browser: string): Agent | undefined {
    const agent = [...this.#waiting.keys()].find(each => each.browser === browser)
    if (agent !== undefined) this.#waiting.get(agent)?.()
    return agent
  }

  /** Ends those that wait, from now on all that are no longer used. */
  stop(): void {
    this.#isStopped = true
    for (const agent of this.#waiting.keys()) this.#end(agent)
  }

  #wait(agent: PipeAgent, pipe: Duplex): void {
    const end = () => this.#end(agent)
    const timer = setTimeout(end, timerDelay(this.#init.waitMs))
    // A program ends it, or says what it was not asked for.
    const events = ['data', 'end', 'close'] as const
    for (const event of events) pipe.once(event, end)
    this.#waiting.set(agent, () => {
      clearTimeout(timer)
      for (const event of events) pipe.off(event, end)
      this.#waiting.delete(agent)
    })
  }

  #end(agent: PipeAgent): void {
    this.#waiting.get(agent)?.()
    agent.destroy()
  }
}

interface PipeAgentInit {
  pipe: Duplex
  browser: string
  /** Its request has ended. @returns whether it may have another one */
  isFree: (agent: PipeAgent) => boolean
}

/** An agent of `node:http` with one connection. */
class PipeAgent extends Agent {
  readonly browser: string
  readonly #pipe: Duplex
  readonly #isFree: PipeAgentInit['isFree']

  constructor({ pipe, browser, isFree }: PipeAgentInit) {
    super({ keepAlive: true, maxSockets: 1 })
    this.browser = browser
    // Node calls it before each reuse: a socket holds its process again.
    this.#pipe = 'ref' in pipe ? pipe : Object.assign(pipe, { ref: () => pipe })
    this.#isFree = isFree
  }

  override createConnection(): Duplex {
    return this.#pipe
  }

  override getName(): string {
    return this.browser
  }

  override keepSocketAlive(): boolean {
    return this.#isFree(this)
  }
}
