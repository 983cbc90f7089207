/** Which fault strikes whom and when: the same for the same seed. */
import { seeded } from '../rolling/call-plan.ts'

export const nemesisNames = [
  'kill-agent',
  'pause-short',
  'cut-one',
  'kill-relay',
  'pause-long',
  'kill-three',
  'database',
  'halves',
  'loss',
  'disk',
  'rollback',
  'kill-control-plane',
  'one-way',
  'clock',
  'slow',
  'restart-agent',
  'pause-relay',
] as const
export type NemesisName = (typeof nemesisNames)[number]

export interface Strike {
  nemesis: NemesisName
  /** ms after the begin of the faults. */
  at: number
  /** How long it lasts, ms. */
  ms: number
  /** Draws its victims. */
  draw: () => number
}

/** One begins so long after the one before, at least; it may still last. */
const everyMs = 7_000
/** A pause of a slow member, and of one that is taken for dead; other faults. */
const lengths: Partial<Record<NemesisName, readonly [number, number]>> = {
  'pause-short': [1_000, 2_900],
  'pause-long': [11_000, 20_000],
  'pause-relay': [1_000, 12_000],
  database: [3_000, 10_000],
  clock: [5_000, 15_000],
}
const usualMs = [4_000, 15_000] as const

/**
 * Each once in an order that the seed draws, then again; as many as there is time for.
 * @param ms of all faults @param only these @default all
 */
export function scheduleOf(seed: number, ms: number, only: readonly NemesisName[] = nemesisNames): Strike[] {
  const random = seeded(seed)
  const order: NemesisName[] = []
  const strikes: Strike[] = []
  for (let at = 0; at < ms - 2_000; at += everyMs + random() * 4_000) {
    if (order.length === 0) order.push(...shuffled(only, random))
    const nemesis = order.pop() ?? 'kill-agent'
    const [least, most] = lengths[nemesis] ?? usualMs
    strikes.push({
      nemesis,
      at: Math.round(at),
      ms: Math.round(least + random() * (most - least)),
      draw: seeded(random() * 2 ** 32),
    })
  }
  return strikes
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map(item => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}
