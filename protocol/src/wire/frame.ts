/**
 * The frames of `/agent-mesh/rpc/1.0.0`, one long-lived stream per link. Flow (either side may be the caller):
 *
 *   caller -> callee   request      method, remaining ms, params
 *   callee -> caller   response     result                     exactly one of these two
 *   callee -> caller   error        code, message              per request, in any order
 *   caller -> callee   cancel       the caller gave up: no answer is needed
 *   either             data, batch, credit, end   messages of a stream that a request opened, see docs/wire.md
 *   either             ping, pong   round trip of the path
 *   either             going-away   requests after `lastId` are not started; the link closes when empty
 *   either             settings     what its sender understands; before every other frame
 *   either             part         the next bytes of a frame that is cut, once the settings of the reader allow it
 *   either             delivered    how many parts its sender has read
 *   either             drop         the rest of a cut frame does not come
 *   either             swim         a message of failure detection, see swim.ts
 *
 * Layout: docs/wire.md.
 */
import type { FrameBody } from './body.ts'
import type { RequestFields } from './request-fields.ts'

/** Type numbers. The ones without a frame below are reserved and skipped by readers of this version. */
export const frameTypes = {
  request: 0x01,
  response: 0x02,
  error: 0x03,
  cancel: 0x04,
  goingAway: 0x05,
  ping: 0x06,
  pong: 0x07,
  streamData: 0x10,
  streamCredit: 0x11,
  streamEnd: 0x12,
  streamBatch: 0x13,
  transferOpen: 0x18,
  settings: 0x20,
  part: 0x21,
  delivered: 0x22,
  drop: 0x23,
  swim: 0x30,
} as const

/** Bits of a settings frame: what its sender understands beyond the frames of the first version. */
export const linkFeatures = {
  /** Frames in parts: it reads `part` and `drop`, and answers parts with `delivered`. */
  parts: 0x01,
  /** Compressed bodies: it reads requests and responses with the flag `compressed`. */
  compressed: 0x02,
  /** Bodies over the limit of a frame: it fetches what a frame names, over a pipe. */
  bodies: 0x04,
  /** Failure detection: it reads `swim`, and answers what it is asked there. */
  swim: 0x08,
  /** Each byte of its network costs: members that watch it probe it as seldom as the preset `metered` says. */
  metered: 0x10,
  /** Small messages of streams together: it reads `batch`. */
  batches: 0x20,
} as const

/** Flag bits. A reader ignores unknown bits of the low half and must not read a frame with an unknown bit of the high half. */
export const frameFlags = {
  /** request: running it twice does no harm. */
  idempotent: 0x01,
  /** request, response, data: the body is u32 JSON length, JSON, then raw bytes. */
  tail: 0x02,
  /** data, batch, credit, end: its sender is the callee of the stream; both sides number their requests from 1. */
  fromCallee: 0x01,
  /** data: more bytes of this message follow. */
  more: 0x04,
  /** error: the handler was not begun, so the call may be repeated whatever it does. */
  notStarted: 0x04,
  /** request: it opens a stream. A reader that knows no streams must not serve it as a call. */
  stream: 0x10,
  /** request, response: the body is a reference to the one that is meant, see body-reference.ts. */
  elsewhere: 0x20,
  /** request, response: the body is u32 bytes of the JSON text, then that text as raw deflate. Only for readers that announced it. */
  compressed: 0x80,
} as const

/** Bits that change how a frame is read. */
export const criticalFlags = 0xf0

export interface RequestFrame {
  readonly type: 'request'
  readonly id: number
  readonly method: string
  /** Remaining ms of the caller's deadline when the frame was written; 0 is expired. */
  readonly timeoutMs: number
  readonly idempotent: boolean
  readonly fields: RequestFields
  /** It opens a stream: then the fields have `stream`. */
  readonly stream: boolean
  /** The body refers to the params, which are to be fetched. */
  readonly elsewhere: boolean
  readonly body: FrameBody
}

export interface ResponseFrame {
  readonly type: 'response'
  readonly id: number
  /** The body refers to the result, which is to be fetched. */
  readonly elsewhere: boolean
  readonly body: FrameBody
}

export interface ErrorFrame {
  readonly type: 'error'
  readonly id: number
  /** A code of the closed set, or one that a later version added. */
  readonly code: string
  /** The handler was not begun. An older peer never says so. */
  readonly notStarted: boolean
  readonly body: FrameBody
}

/** Messages of a stream. */
interface OfStream {
  /** Of the request that opened it. */
  readonly id: number
  /** Sent by the callee of that request; else by its caller. */
  readonly fromCallee: boolean
}

export interface DataFrame extends OfStream {
  readonly type: 'data'
  /** The message has a raw tail; the same in all its frames. */
  readonly tail: boolean
  /** More bytes of this message follow. */
  readonly more: boolean
  /** What was received; the next bytes of the message's body are those from `start` to `end`: a view is made once, of what is read. */
  readonly chunk: Buffer
  readonly start: number
  readonly end: number
}

/** Several whole messages, each as an entry of message-batch.ts. */
export interface BatchFrame extends OfStream {
  readonly type: 'batch'
  /** What was received; the entries, at least one and all complete, are the bytes from `start` to `end`. */
  readonly chunk: Buffer
  readonly start: number
  readonly end: number
}

export interface CreditFrame extends OfStream {
  readonly type: 'credit'
  /** So many more bytes may be sent to the sender of this frame; the first of a callee says that the handler has begun. */
  readonly credit: number
}

export interface EndFrame extends OfStream {
  readonly type: 'end'
  /** Why the messages end; undefined: they are complete, or no more are wanted. */
  readonly code: string | undefined
  readonly body: FrameBody
}

export interface GoingAwayFrame {
  readonly type: 'goingAway'
  /** The last request that its sender has started or will start; 0 is none. */
  readonly lastId: number
  /** After this many ms the sender closes the link even when calls still run. */
  readonly drainMs: number
}

export interface SettingsFrame {
  readonly type: 'settings'
  /** Bits of {@link linkFeatures}, and of later versions. */
  readonly features: number
}

export interface PartFrame {
  readonly type: 'part'
  /** Of the cut frame, among those of its sender on this link; never 0. */
  readonly id: number
  /** The next bytes of the cut frame, from its length field on, as far as they have arrived. A view on the received chunk. */
  readonly bytes: Buffer
  /** Bytes of this part that have not arrived; they follow, and nothing comes between. 0: the part is read. */
  readonly left: number
}

export interface SignalFrame {
  /** `id` is the request; for ping and pong any number; for delivered how many parts were read, mod 2^32; for drop the cut frame. */
  readonly type: 'cancel' | 'ping' | 'pong' | 'delivered' | 'drop'
  readonly id: number
}

export interface SwimFrame {
  readonly type: 'swim'
  /** Of one message, see {@link decodeSwim}. A view on the received chunk. */
  readonly bytes: Buffer
}

/** A frame with a critical flag that this version does not know; `of` is its type number. */
export interface UnreadableFrame {
  readonly type: 'unreadable'
  readonly id: number
  readonly of: number
  readonly flags: number
}

export type Frame =
  | RequestFrame
  | ResponseFrame
  | ErrorFrame
  | DataFrame
  | BatchFrame
  | CreditFrame
  | EndFrame
  | GoingAwayFrame
  | SettingsFrame
  | PartFrame
  | SwimFrame
  | SignalFrame
  | UnreadableFrame

/** Whether request id `a` was assigned after `b`: serial number arithmetic (RFC 1982) as ids wrap at 2^32. */
export const isLaterId = (a: number, b: number): boolean => a !== b && (a - b) >>> 0 < 0x8000_0000
