/** What a bench is. */
export interface BenchOptions {
  /** Rounds that count; each contender takes its turn in each. */
  readonly rounds: number
  /** Simulated agents, where a bench has them. */
  readonly agents: number
  /** Real members, where a bench has them. */
  readonly members: number
  /** Of a bench that has parts: only this one. */
  readonly part?: string | undefined
  readonly progress: (line: string) => void
}

/** One line of result: figures by name; nested ones are shown as a table row each. */
export interface BenchResult {
  readonly bench: string
  readonly [figure: string]: unknown
}

export interface Bench {
  readonly about: string
  /** It compares with peers, which are installed first. */
  readonly peers?: boolean
  /** One result, or one of each contender. */
  run(options: BenchOptions): Promise<BenchResult | readonly BenchResult[]>
}
