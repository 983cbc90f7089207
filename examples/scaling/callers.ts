/** The callers of scaling-mesh.ts: they share one load, and nothing of it may get lost. */
import type { Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { primes } from './primes.ts'

export class Callers {
  readonly #agents: readonly Agent[]
  #next = 0
  #running: Promise<void>[] = []
  #stopping = false
  sent = 0
  answered = 0

  constructor(agents: readonly Agent[]) {
    this.#agents = agents
  }

  /** Each calls this worker, so that each has a link to it. */
  async meet(worker: string): Promise<void> {
    const agents = [...this.#agents]
    const meetNext = async (): Promise<void> => {
      for (let agent = agents.pop(); agent !== undefined; agent = agents.pop()) {
        await known(agent, worker)
        await agent.service(primes).count(0, { peer: worker, timeout: 60_000 })
      }
    }
    await Promise.all(Array.from({ length: 4 }, meetNext))
  }

  /** One call by the next agent, of a number that none asked for before unless it is given. @throws when it gets lost */
  async call(from?: number): Promise<number> {
    const agent = this.#agents[this.sent % this.#agents.length]!
    const asked = from ?? 10_000_000_000 + this.#next++
    this.sent++
    const result = await agent.service(primes).count(asked, { timeout: 60_000 })
    assert.equal(result.from, asked)
    this.answered++
    return result.count
  }

  /** Keeps so many calls in flight until it is stopped. */
  start(inFlight: number): void {
    this.#stopping = false
    const loop = async (): Promise<void> => {
      while (!this.#stopping) await this.call()
    }
    this.#running = Array.from({ length: inFlight }, loop)
    // A failure is thrown by `stop()`.
    for (const running of this.#running) running.catch(() => (this.#stopping = true))
  }

  /** @throws the first failure of a call */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running.splice(0))
  }

  /** Resolves after so many more answers. @throws the first failure of a call */
  async answers(count: number): Promise<void> {
    const wanted = this.answered + count
    while (this.answered < wanted && !this.#stopping) await delay(5)
    if (this.answered < wanted) await this.stop()
  }

  /** Calls that were answered from a cache. */
  async cacheHits(): Promise<number> {
    const pages = await Promise.all(this.#agents.map(agent => agent.metrics()))
    const hits = pages.map(
      page => /^agent_mesh_cache_results_total\{.*result="hit".*\} (\d+)/m.exec(page)?.[1],
    )
    return hits.reduce((sum, count) => sum + Number(count ?? 0), 0)
  }
}

/** Resolves when the agent knows that this member serves. @throws after a minute */
async function known(agent: Agent, worker: string): Promise<void> {
  const until = performance.now() + 60_000
  while (!agent.peers().some(({ name, services }) => name === worker && services.includes('primes@1'))) {
    assert.ok(performance.now() < until, `${agent.name} does not know ${worker}`)
    await delay(50)
  }
}
