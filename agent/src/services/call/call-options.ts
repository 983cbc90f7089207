import type { MeshError } from '@agent-mesh/protocol'
import type { Near } from '../balance/placed-picker.ts'
import type { HedgeWish } from './hedging.ts'

/** What a caller may say of one call. */
/** @typeParam R what `fallback` gives: the result of the method */
export interface CallOptions<R = unknown> {
  /** ms for the whole call: connecting, all tries, the answer. @default the method's, else 30,000 */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Name or peer id of the only member to ask. @default one that serves the method */
  readonly peer?: string | undefined
  /** Running it twice does no harm. @default what the method's contract says, else false */
  readonly idempotent?: boolean | undefined
  /** What the handler reads as `ctx.metadata`: names and texts, at most 1 KiB as JSON. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Name of the program that this agent calls for, at most 128 bytes: for logs and audit at both ends, never for the policy. @default none */
  readonly app?: string | undefined
  /** Calls of one key go to one provider, at every caller, while it answers: for caches and sessions. @default none */
  readonly key?: string | undefined
  /** Which providers are asked first: of the own zone, then region; of the own region; or any. @default 'zone'; 'any' with a key */
  readonly near?: Near | undefined
  /** false: asks a member, whatever is cached, and leaves the cache as it is. @default what the method's contract says */
  readonly cache?: false | undefined
  /**
   * Sends the call to a second provider, too, when its answer takes longer than 95 % of the calls of its method, or `afterMs`: the first
   * answer wins. Idempotent methods only; at most 5 % more calls. @default false
   */
  readonly hedge?: HedgeWish | false | undefined
  /** Its value, or what it throws, in place of a failure, once no try is left; not asked when the call is cancelled. @default none */
  readonly fallback?: ((error: MeshError) => R | Promise<R>) | undefined
}

/** Of calls that say who answered. */
export type AskOptions = Omit<CallOptions, 'fallback'> & {
  /** Says why, too, asking a member whatever is cached; of a call that failed, `explanationOf(error)` says it. @default false */
  readonly explain?: boolean | undefined
}

/** What a caller may say of one stream. */
export interface StreamOptions<Takes = unknown> extends Omit<
  CallOptions,
  'timeout' | 'idempotent' | 'cache' | 'hedge' | 'fallback' | 'explain'
> {
  /** Messages for the handler; asked for when it reads. @default none */
  readonly input?: AsyncIterable<Takes> | Iterable<Takes> | undefined
  /** ms for the whole stream. @default the method's, else none: 30,000 for its begin alone */
  readonly timeout?: number | undefined
  /** Bytes that the handler may be ahead of the reader at most, from 2,048 on. @default 64 KiB at first, up to 4 MiB */
  readonly window?: number | undefined
}
