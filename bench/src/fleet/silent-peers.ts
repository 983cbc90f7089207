/** Agents that fall silent (SIGSTOP: their sockets stand): how long until all others list them offline, at rest and under calls. */
import { setTimeout as wait } from 'node:timers/promises'
import type { CommandProcess } from './command-process.ts'
import { mostMs, seconds, untilAll } from './timing.ts'

/** Calls that each member begins in a second. */
const callsPerSecond = 2
/** ms without a call that fails, after which the links between all of them stand: opening some 1,200 takes 50 s of CPU. */
const steadyMs = 15_000
/** ms between two looks at all lists, some 50 of 50 members: more looks would be most of the load. */
const lookMs = 500
/** ms before one falls silent: links are open, and calls go everywhere. */
const settleMs = 20_000

/** @param agents called `agent-0` and so on; the first two fall silent */
export async function silentPeers(
  agents: readonly CommandProcess[],
  progress: (line: string) => void,
): Promise<Record<string, number>> {
  await wait(settleMs)
  const silent_offline_s = await silence(agents, 'agent-0')
  progress(`one that fell silent is offline after ${silent_offline_s} s`)
  const others = agents.slice(1)
  const load = new Load(others.slice(1))
  const steady_s = await load.steady()
  progress(`${others.length - 1} members call all others without a failure after ${steady_s} s`)
  const silent_offline_loaded_s = await silence(others, 'agent-1')
  const { calls, failures } = await load.stop()
  const failed = failures.length
  for (const reason of new Set(failures.map(failure => failure.replaceAll(/\d+ ms/g, 'N ms'))))
    progress(`a call failed: ${reason}`)
  progress(`and after ${silent_offline_loaded_s} s under ${calls} calls, of which ${failed} failed`)
  return {
    silent_offline_s,
    silent_offline_loaded_s,
    silent_loaded_calls: calls,
    silent_loaded_calls_failed: failed,
  }
}

/** @returns seconds until all others list the first one, which is called `name`, as offline */
async function silence([silent, ...others]: readonly CommandProcess[], name: string): Promise<number> {
  if (silent === undefined) throw new Error('Cannot stop an agent: there is none')
  const began = performance.now()
  silent.kill('SIGSTOP')
  const offline = async (agent: CommandProcess) =>
    (await agent.peers()).some(peer => peer.name === name && !peer.online)
  await untilAll(others, offline, `which do not see that ${name} is silent`, lookMs)
  return seconds(began)
}

/** Idempotent calls at a steady rate from each of the callers, to whichever member they choose. */
class Load {
  readonly #timers: NodeJS.Timeout[]
  readonly #running = new Set<Promise<void>>()
  readonly #failures: string[] = []
  #calls = 0
  #failedAt = performance.now()

  constructor(callers: readonly CommandProcess[]) {
    this.#timers = callers.map(caller => setInterval(() => this.#begin(caller), 1_000 / callsPerSecond))
  }

  #begin(caller: CommandProcess): void {
    this.#calls++
    const running: Promise<void> = caller
      .call()
      .then(failure => {
        if (failure === undefined) return
        this.#failures.push(failure)
        this.#failedAt = performance.now()
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Waits until no call has failed for a while, and forgets those before. @returns seconds that took @throws Error after `mostMs` */
  async steady(): Promise<number> {
    const began = performance.now()
    while (performance.now() - this.#failedAt < steadyMs) {
      if (performance.now() - began > mostMs)
        throw new Error('Cannot begin: calls fail before a peer is silent')
      await wait(1_000)
    }
    this.#failures.length = 0
    this.#calls = 0
    return seconds(began)
  }

  /** Begins no more, and waits for the last. */
  async stop(): Promise<{ calls: number; failures: string[] }> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#running)
    return { calls: this.#calls, failures: this.#failures }
  }
}
