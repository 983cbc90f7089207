/** Reads request bodies into memory that is bounded for each and for all of this process. */
import { MeshError } from '@agent-mesh/protocol'
import { bodyBudget } from '../defaults.ts'

export interface BodyLimits {
  /** Bytes; 0 where the route takes no body. */
  most: number
  /** Whether a member sends it; others have a part of the budget only. */
  byMember: boolean
}

/** Initial size of a buffer, bytes: most bodies fit. */
const firstBytes = 1024

/** A body that is being read. One growing buffer: in a list each byte of a slow body could hold its own chunk. */
interface Reading extends BodyLimits {
  buffer: Uint8Array
  /** Ends the wait for its next piece. */
  shed: (error: MeshError) => void
}

export class BodyReader {
  readonly #budget: { all: number; strangers: number }
  readonly #held = { members: 0, strangers: 0 }
  /** Those of strangers, the oldest first. */
  readonly #strangers = new Set<Reading>()

  constructor(budget: { all: number; strangers: number } = bodyBudget) {
    this.#budget = budget
  }

  /**
   * The body, refused as soon as it is known to be too large. When strangers have used up their part, the oldest of their
   * bodies is refused for the next one: incomplete bodies block no new member that sends a complete one.
   * @param chunks the body, unless it is that of the request
   * @throws MeshError too_large, invalid_argument (ended early, or none belongs there), overloaded when the budget is used up
   */
  async read(
    request: Request,
    limits: BodyLimits,
    // The host handles the rest of a refused body: cancelling the stream would end the connection before the answer.
    chunks: AsyncIterable<Uint8Array> | undefined = request.body?.values({ preventCancel: true }),
  ): Promise<Uint8Array> {
    const { most, byMember } = limits
    if (Number(request.headers.get('content-length') ?? 0) > most) throw overLimit(most)
    const reading: Reading = { ...limits, buffer: new Uint8Array(0), shed: () => {} }
    if (!byMember) this.#strangers.add(reading)
    try {
      return await this.#readAll(reading, chunks)
    } catch (cause) {
      if (cause instanceof MeshError) throw cause
      throw new MeshError('invalid_argument', 'Cannot read request: its body ended early', { cause })
    } finally {
      this.#giveBack(reading)
    }
  }

  async #readAll(reading: Reading, chunks: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
    const pieces = chunks?.[Symbol.asyncIterator]()
    let length = 0
    while (pieces !== undefined) {
      const { done, value } = await nextPiece(reading, pieces)
      if (!reading.byMember && !this.#strangers.has(reading)) throw tooMany()
      if (done === true) break
      const end = length + value.byteLength
      if (end > reading.most) throw overLimit(reading.most)
      if (end > reading.buffer.byteLength) this.#grow(reading, end)
      reading.buffer.set(value, length)
      length = end
    }
    return reading.buffer.subarray(0, length)
  }

  #grow(reading: Reading, least: number): void {
    const { most, byMember, buffer } = reading
    const size = Math.min(most, Math.max(firstBytes, 2 * buffer.byteLength, least))
    const more = size - buffer.byteLength
    if (!byMember) this.#makeRoom(reading, more)
    if (this.#held.members + this.#held.strangers + more > this.#budget.all) throw tooMany()
    this.#held[byMember ? 'members' : 'strangers'] += more
    reading.buffer = new Uint8Array(size)
    reading.buffer.set(buffer)
  }

  /** Refuses older bodies of strangers until there is room for the next one. */
  #makeRoom(reading: Reading, bytes: number): void {
    for (const other of this.#strangers) {
      if (this.#held.strangers + bytes <= this.#budget.strangers) return
      if (other === reading) continue
      this.#giveBack(other)
      other.shed(tooMany())
    }
    if (this.#held.strangers + bytes > this.#budget.strangers) throw tooMany()
  }

  #giveBack(reading: Reading): void {
    this.#strangers.delete(reading)
    this.#held[reading.byMember ? 'members' : 'strangers'] -= reading.buffer.byteLength
    reading.buffer = new Uint8Array(0)
  }
}

/** A promise for each piece: races with one long-lived promise would hold memory for every byte of a slow body. */
const nextPiece = (
  reading: Reading,
  pieces: AsyncIterator<Uint8Array>,
): Promise<IteratorResult<Uint8Array>> =>
  new Promise((resolve, reject) => {
    reading.shed = reject
    pieces.next().then(resolve, reject)
  })

const tooMany = (): MeshError =>
  new MeshError('overloaded', 'Cannot read request: too many bodies are being read at once', {
    details: { retryAfterMs: 1_000 },
  })

const overLimit = (most: number): MeshError =>
  most === 0
    ? new MeshError('invalid_argument', 'Cannot read request: it takes no body')
    : new MeshError('too_large', `Cannot read request: its body is over ${most} bytes`)
