import type { MeshError } from '@agent-mesh/protocol/errors'
import type { ByteStream } from '../core/byte-stream.ts'
import type { BodyCarrier } from './bodies/body-carrier.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { Compression } from './compression.ts'
import type { OnRequest } from './calls/inbound-calls.ts'
import type { LinkCallOptions } from './calls/pending-call.ts'
import type { LinkStream, LinkStreamOptions } from './streams/outbound-stream.ts'
import type { LinkLimits } from './defaults.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { TurnQueue } from './turn-queue.ts'

export interface RpcLinkInit {
  readonly stream: ByteStream
  /** Deadlines; one wheel for all links of a process. */
  readonly wheel: TimerWheel
  /** When handlers run; one queue for all links of a process. @default one of its own */
  readonly turns?: TurnQueue
  /** Bytes that wait on all links of a process. @default this link alone counts */
  readonly budget?: ByteBudget
  /** Bytes of the windows of streams on all links of a process. @default this link alone counts */
  readonly streamBudget?: ByteBudget
  /** Carries bodies over the limit of a frame. @default none: they are refused as `too_large` */
  readonly bodies?: BodyCarrier | undefined
  /** Whether bodies are compressed; one for all links of a process. @default none is */
  readonly compression?: Compression
  readonly onRequest: OnRequest
  /** The peer takes no new calls on this link. */
  readonly onGoingAway?: () => void
  /** Gets messages of failure detection, each valid during the call only. @default the peer is not sent any */
  readonly onSwim?: (bytes: Buffer) => void
  /** The first frame of the peer was read: see {@link RpcLink.peerFeatures}. */
  readonly onFeatures?: () => void
  /** More bits of `linkFeatures` to announce. @default none */
  readonly features?: number
  /** @default {@link linkDefaults} */
  readonly limits?: Partial<LinkLimits>
}

export interface LinkStats {
  /** Own calls in flight. */
  readonly outbound: number
  /** Handlers at work for the peer. */
  readonly inbound: number
  readonly callsMade: number
  readonly callsServed: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly writes: number
  /** Bytes of frames that wait for their turn or for the stream. */
  readonly backlogBytes: number
  /** Bytes that wait in memory: of frames to be sent, and of requests that were not parsed. */
  readonly heldBytes: number
  /** Monotonic ms (the wheel's clock) of the last bytes received. */
  readonly lastHeardAt: number
  /** Monotonic ms of the last sign of life: bytes received, or a full stream that accepted more. */
  readonly lastProgressAt: number
}

/** One link's calls in both directions over one long-lived stream. */
export interface RpcLink {
  /**
   * Calls `method` with a JSON value, bytes or a `Tailed`.
   * @returns the result in the same forms
   * @throws MeshError the callee's; `deadline_exceeded`, `cancelled`; `overloaded` over a limit of this link;
   * `unavailable` when the call was never written, `path_lost` when the link broke after it was; `going_away`
   */
  call(method: string, value: unknown, options?: LinkCallOptions): Promise<unknown>
  /**
   * Opens a stream: `method` with a value as {@link call}, and messages in both directions.
   * @returns the stream when its handler has begun
   * @throws MeshError as {@link call}, while the handler has not begun; from then on the stream throws it
   */
  stream(method: string, value: unknown, options?: LinkStreamOptions): Promise<LinkStream>
  /** Sends a message of failure detection ahead of requests and answers; a peer that does not read them skips it. @param bytes not to be changed from now on */
  swim(bytes: Uint8Array): void
  /** Round trip in ms, measured behind what is already on its way. @throws MeshError `deadline_exceeded`, `unavailable` */
  ping(timeoutMs?: number): Promise<number>
  /**
   * Tells the peer that no further request is started here. Resolves when no call is open in either direction and all that was
   * accepted has reached the peer, however long that takes: each call ends by its own deadline. The link stays open: {@link close} it
   * then.
   * @param drainMs resolve after this at the latest. @default no bound
   */
  goAway(drainMs?: number): Promise<void>
  /** Resolves as {@link goAway}, without telling. @param until monotonic ms by which it resolves at the latest */
  drain(until: number): Promise<void>
  /** The path is silent: calls `onDoubt` of the calls in flight that have it. */
  doubt(): void
  /** Ends own idempotent calls in flight with `path_lost`: the path is silent, and the caller has another. */
  forsake(): void
  /** Ends all streams, of both sides, with `path_lost`: the path is silent. Calls wait, as a slow peer may answer them. */
  loseStreams(): void
  /** Sends what is waiting and ends the stream; own calls still in flight end. Idempotent. */
  close(): void
  /** Ends the stream at once. Idempotent. */
  abort(error: Error): void
  /** Whether the peer takes new calls. */
  readonly usable: boolean
  /**
   * What the peer understands: bits of `linkFeatures`, and of later versions; 0: it is of a version without settings. undefined: no frame
   * of it was read yet.
   */
  readonly peerFeatures: number | undefined
  /** Resolves when the link has ended, with the error that ended it. Never rejects. */
  readonly closed: Promise<MeshError | undefined>
  readonly stats: LinkStats
}
