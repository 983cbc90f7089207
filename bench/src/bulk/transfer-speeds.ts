import { median } from '../load.ts'
import { startPair, stopPairs, type Pair } from '../rpc/rounds.ts'

/** Of one transfer. */
export const transferBytes = 256 << 20

interface SpeedsInit<Name extends string> {
  readonly contenders: readonly Name[]
  /** Rounds that count; each contender takes its turn in each. */
  readonly rounds: number
  readonly progress: (line: string) => void
  /** After each transfer that counts. */
  readonly after?: (name: Name, pair: Pair) => Promise<void>
}

/** Transfers of contenders in turns. @returns the median MiB/s of each */
export async function transferSpeeds<Name extends string>({
  contenders,
  rounds,
  progress,
  after = async () => {},
}: SpeedsInit<Name>): Promise<(name: Name) => number> {
  const pairs = new Map<Name, Pair>()
  try {
    for (const name of contenders) pairs.set(name, await startPair(name))
    const speeds = new Map<Name, number[]>(contenders.map(name => [name, []]))
    // The first round warms up.
    for (let round = 0; round <= rounds; round++)
      for (const name of contenders) {
        const pair = pairs.get(name) as Pair
        const ms = await pair.client.ask('transfer', transferBytes)
        const speed = transferBytes / (1 << 20) / (ms / 1_000)
        progress(`round ${round} ${name}: ${speed.toFixed(0)} MiB/s`)
        if (round === 0) continue
        speeds.get(name)?.push(speed)
        await after(name, pair)
      }
    return name => median(speeds.get(name) ?? [])
  } finally {
    await stopPairs(pairs.values())
  }
}

export const round3 = (value: number): number => Math.round(value * 1_000) / 1_000
