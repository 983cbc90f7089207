/** Contended writes: in turn within a process, tried again with full jitter between processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { raceRetry } from '../../defaults.ts'
import { jitter } from '../jitter.ts'

/** What an attempt answers when it lost. */
export const again = Symbol('again')

/** Runs `attempt` until it wins. @throws MeshError overloaded after the last try */
export async function contend<T>(action: string, attempt: () => Promise<T | typeof again>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const result = await attempt()
    if (result !== again) return result
    if (tries === raceRetry.tries)
      throw new MeshError('overloaded', `Cannot ${action}: others won the write ${tries} times`, {
        hint: 'Try again in a moment.',
      })
    await sleep(timerDelay(jitter(tries, raceRetry)))
  }
}

/** Work of one key, in order: writers of one process do not contend in the database. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const mine = before === undefined ? work() : before.then(work)
    const tail = mine.catch(() => undefined)
    this.#tails.set(key, tail)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}
