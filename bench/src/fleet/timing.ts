import { setTimeout as wait } from 'node:timers/promises'
import type { CommandProcess } from './command-process.ts'

/** A part that takes longer has failed, ms. */
export const mostMs = 240_000

export const round1 = (value: number): number => Math.round(value * 10) / 10

/** @param since of `performance.now()` */
export const seconds = (since: number): number => round1((performance.now() - since) / 1_000)

/** Looks each `everyMs` until all of these agents say so of themselves. @throws Error after `mostMs` */
export async function untilAll(
  agents: readonly CommandProcess[],
  isSo: (agent: CommandProcess) => Promise<boolean>,
  what: string,
  everyMs = 100,
): Promise<void> {
  const until = performance.now() + mostMs
  let waiting = [...agents]
  while (waiting.length > 0) {
    if (performance.now() > until) throw new Error(`Cannot wait longer: ${waiting.length} agents, ${what}`)
    const answers = await Promise.all(waiting.map(isSo))
    waiting = waiting.filter((_, i) => answers[i] !== true)
    if (waiting.length > 0) await wait(everyMs)
  }
}
