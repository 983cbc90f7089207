import { MeshError } from '@agent-mesh/protocol/errors'
import { linkFeatures, wireLimits, type EncodedBody, type FrameBody } from '@agent-mesh/protocol/wire/index'
import type { BodyCarrier, FetchedBody, FetchInit, LendInit } from './body-carrier.ts'

/** Bodies over the limit of a frame, of one link: only between ends that both carry them. */
export class LinkBodies {
  readonly #carrier: BodyCarrier | undefined
  readonly #ping: () => Promise<unknown>
  /** Whether the peer fetches bodies; undefined: nothing of it was read yet. */
  #peerFetches: boolean | undefined

  /** @param ping makes the peer send a frame: its first one is its settings */
  constructor(carrier: BodyCarrier | undefined, ping: () => Promise<unknown>) {
    this.#carrier = carrier
    this.#ping = ping
  }

  /** What this end says in its settings. */
  get features(): number {
    return this.#carrier === undefined ? 0 : linkFeatures.bodies
  }

  /** @param features of the peer's settings; 0 without any */
  learn(features: number): void {
    this.#peerFetches = (features & linkFeatures.bodies) !== 0
  }

  /** @throws MeshError `too_large`, not started, when one of the ends carries none; as {@link BodyCarrier.lend} */
  async lend(body: EncodedBody, init: LendInit): Promise<void> {
    const carrier = this.#carrier
    if (carrier === undefined) throw tooLarge(body)
    if (this.#peerFetches === undefined) await this.#ping()
    init.signal.throwIfAborted()
    if (!this.#peerFetches) throw tooLarge(body)
    return carrier.lend(body, init)
  }

  /** @throws MeshError as {@link BodyCarrier.fetch} */
  async fetch(reference: FrameBody, init: FetchInit): Promise<FetchedBody> {
    if (this.#carrier === undefined)
      throw new MeshError('unsupported', 'Cannot fetch the body: this member reads none over pipes')
    return this.#carrier.fetch(reference, init)
  }
}

const tooLarge = ({ json, tail }: EncodedBody): MeshError => {
  const size = Buffer.byteLength(json ?? '') + (tail?.byteLength ?? 0)
  return new MeshError(
    'too_large',
    `Cannot send ${size} bytes in a frame: the limit is ${wireLimits.bodyBytes}`,
    { notStarted: true, hint: 'One of the two members runs a version without larger bodies: upgrade it.' },
  )
}
