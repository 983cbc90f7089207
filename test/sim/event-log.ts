/** The hash of all that happened: equal for equal seeds, wherever it runs. */
import { createHash } from 'node:crypto'

const flushChars = 64 * 1024

export class EventLog {
  readonly #hash = createHash('sha256')
  #text = ''

  add(line: string): void {
    this.#text += `${line}\n`
    if (this.#text.length > flushChars) this.#flush()
  }

  /** Once, at the end. */
  digest(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }

  #flush(): void {
    this.#hash.update(this.#text)
    this.#text = ''
  }
}
