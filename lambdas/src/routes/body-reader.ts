/** Reads request bodies into memory that is bounded for each and for all of this process. */
import { MeshError } from '@agent-mesh/protocol'
import { bodyBudget } from '../defaults.ts'

export interface BodyLimits {
  /** Bytes; 0 where the route takes no body. */
  most: number
  /** Whether a member sends it; others have a part of the budget only. */
  byMember: boolean
}

/** A buffer is this large at first, bytes: most bodies fit. */
const firstBytes = 1024

export class BodyReader {
  readonly #budget: typeof bodyBudget
  #held = { members: 0, strangers: 0 }

  constructor(budget: { all: number; strangers: number } = bodyBudget) {
    this.#budget = budget as typeof bodyBudget
  }

  /**
   * The body, refused as soon as it is known to be too large.
   * @throws MeshError too_large, invalid_argument (ended early, or none belongs there), overloaded when the budget is used up
   */
  async read(request: Request, { most, byMember }: BodyLimits): Promise<Uint8Array> {
    if (Number(request.headers.get('content-length') ?? 0) > most) throw overLimit(most)
    const pool = byMember ? 'members' : 'strangers'
    // One buffer that grows: a list would let each byte of a body that drips hold a chunk of its own.
    let buffer = new Uint8Array(0)
    let length = 0
    try {
      // What is left of a refused body is the host's: cancelling the stream would end the connection before the answer.
      for await (const chunk of request.body?.values({ preventCancel: true }) ?? []) {
        const end = length + chunk.byteLength
        if (end > most) throw overLimit(most)
        if (end > buffer.byteLength) {
          const size = Math.min(most, Math.max(firstBytes, 2 * buffer.byteLength, end))
          this.#take(pool, size - buffer.byteLength)
          const grown = new Uint8Array(size)
          grown.set(buffer)
          buffer = grown
        }
        buffer.set(chunk, length)
        length = end
      }
      return buffer.subarray(0, length)
    } catch (cause) {
      if (cause instanceof MeshError) throw cause
      throw new MeshError('invalid_argument', 'Cannot read request: its body ended early', { cause })
    } finally {
      this.#held[pool] -= buffer.byteLength
    }
  }

  #take(pool: 'members' | 'strangers', bytes: number): void {
    const { members, strangers } = this.#held
    const full =
      members + strangers + bytes > this.#budget.all ||
      (pool === 'strangers' && strangers + bytes > this.#budget.strangers)
    if (full)
      throw new MeshError('overloaded', 'Cannot read request: too many bodies are being read at once', {
        details: { retryAfterMs: 1_000 },
      })
    this.#held[pool] += bytes
  }
}

const overLimit = (most: number): MeshError =>
  most === 0
    ? new MeshError('invalid_argument', 'Cannot read request: it takes no body')
    : new MeshError('too_large', `Cannot read request: its body is over ${most} bytes`)
