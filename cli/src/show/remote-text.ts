/** Bytes that another machine wrote, on standard output or error: as they are, but at a terminal, which they must not steer. */
import { once } from 'node:events'

import { printable } from '@agent-mesh/protocol/printable'

export class RemoteText {
  readonly #to: NodeJS.WriteStream
  readonly #decoder = new TextDecoder()

  constructor(to: NodeJS.WriteStream) {
    this.#to = to
  }

  /** Resolves when it takes more. @throws AbortError */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const shown = this.#to.isTTY ? visible(this.#decoder.decode(bytes, { stream: true })) : bytes
    if (!this.#to.write(shown)) await once(this.#to, 'drain', { signal })
  }
}

/** Lines and tabs stay. */
const visible = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .split(/([\n\t])/)
    .map(part => (part === '\n' || part === '\t' ? part : printable(part)))
    .join('')
