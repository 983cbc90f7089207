import { untilAborted } from '@agent-mesh/agent/core/until-aborted'

/** Lines and characters that are kept. */
const mostLines = 1_000
const mostChars = 512 * 1024

/** The newest lines of the log of this process, for members that its owner lets read them. */
export class RecentLog {
  readonly #lines: string[] = []
  #chars = 0
  /** Number of the first line that is kept. */
  #first = 0
  #added = Promise.withResolvers<void>()

  add(line: string): void {
    this.#lines.push(line)
    this.#chars += line.length
    while (this.#lines.length > mostLines || (this.#chars > mostChars && this.#lines.length > 1)) {
      this.#chars -= this.#lines.shift()?.length ?? 0
      this.#first++
    }
    this.#added.resolve()
    this.#added = Promise.withResolvers()
  }

  /** The last lines, then with `follow` those that come. A reader that is slower than the log loses lines, and reads how many. */
  async *read(
    { lines, follow }: { lines: number; follow: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<string, void> {
    let at = Math.max(this.#first, this.#first + this.#lines.length - lines)
    for (;;) {
      const added = this.#added.promise
      if (at < this.#first)
        yield `${this.#first - at} lines are lost here: the log was faster than its reader\n`
      at = Math.max(at, this.#first)
      for (; at >= this.#first && at < this.#first + this.#lines.length; at++)
        yield this.#lines[at - this.#first]!
      if (at < this.#first + this.#lines.length) continue
      if (!follow) return
      await untilAborted(added, signal)
    }
  }
}
