import type { EncodedBody, FrameBody } from '@agent-mesh/protocol/wire/index'

export interface LendInit {
  /** Its abort ends the loan: the call is over. */
  readonly signal: AbortSignal
  /** The peer can fetch it now. @param reference what the frame carries instead */
  readonly named: (reference: EncodedBody) => void
}

export interface FetchInit {
  /** A larger body is refused before a byte of it is read. */
  readonly mostBytes: number
  readonly signal: AbortSignal
  /** Whether it waits for room in memory: what a handler has answered is not refused. */
  readonly waits: boolean
}

export interface FetchedBody {
  readonly body: FrameBody
  /** Its bytes count as held until then. Idempotent. */
  release(): void
}

/** Bodies that no frame carries, between this member and one peer. */
export interface BodyCarrier {
  /**
   * Keeps a body for the peer to fetch, once.
   * @returns resolves when the peer has all of it
   * @throws MeshError `path_lost` when the peer did not read all of it; the reason of `signal`
   */
  lend(body: EncodedBody, init: LendInit): Promise<void>
  /**
   * Brings the body that a frame of the peer names.
   * @throws MeshError `too_large`; `overloaded` without room; `protocol_error` for a reference that is none, and bytes that it does not
   * name; `not_found` when it is lent no more; `path_lost`; the reason of `signal`
   */
  fetch(reference: FrameBody, init: FetchInit): Promise<FetchedBody>
}
