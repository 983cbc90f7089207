/**
 * Gathers what circuits have to write in one turn of the event loop. One destination connection then gets all of it in
 * one write to its socket, whichever circuits it came from.
 */
import { corked } from '@agent-mesh/agent/transport/index'
import type { Connection } from '@libp2p/interface'

interface Writer {
  flush(): void
}

export class WriteTick {
  readonly #due = new Map<Connection, Set<Writer>>()
  #scheduled: NodeJS.Immediate | undefined

  /** `writer.flush()` is called after this turn. */
  write(connection: Connection, writer: Writer): void {
    const writers = this.#due.get(connection)
    if (writers === undefined) this.#due.set(connection, new Set([writer]))
    else writers.add(writer)
    this.#scheduled ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = undefined
    const due = [...this.#due]
    this.#due.clear()
    for (const [connection, writers] of due)
      corked(connection, () => {
        for (const writer of writers) writer.flush()
      })
  }

  stop(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    this.#due.clear()
  }
}
