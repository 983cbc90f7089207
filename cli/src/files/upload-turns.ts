import { MeshError } from '@agent-mesh/protocol/errors'

interface Turn {
  readonly peerId: string
  readonly stop: AbortController
  readonly done: Promise<void>
}

/** One member at a time writes a file. */
export class UploadTurns {
  readonly #turns = new Map<string, Turn>()

  /**
   * Runs `save` when nothing else writes the file `key`. A caller that comes again, over another link, ends its try before, whose
   * signal is aborted; others are refused.
   * @throws MeshError conflict; what `save` throws
   */
  async take<T>(key: string, peerId: string, save: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let before = this.#turns.get(key); before !== undefined; before = this.#turns.get(key)) {
      if (before.peerId !== peerId) throw new MeshError('conflict', 'another member is writing it')
      before.stop.abort(new MeshError('cancelled', 'its caller has begun again'))
      await before.done
    }
    // Nothing is awaited since that look: of several that waited, one has the turn.
    const [stop, done] = [new AbortController(), Promise.withResolvers<void>()]
    this.#turns.set(key, { peerId, stop, done: done.promise })
    try {
      return await save(stop.signal)
    } finally {
      this.#turns.delete(key)
      done.resolve()
    }
  }
}
