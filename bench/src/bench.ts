export interface BenchOptions {
  /** Rounds that count; each contender takes its turn in each. */
  readonly rounds: number
  readonly progress: (line: string) => void
}

export interface BenchResult {
  readonly bench: string
  /** Of medians, rounded to three digits. */
  readonly ratios: Record<string, number>
  /** Medians of each contender. */
  readonly figures: Record<string, Record<string, number>>
}

export interface Bench {
  readonly about: string
  run(options: BenchOptions): Promise<BenchResult>
}
