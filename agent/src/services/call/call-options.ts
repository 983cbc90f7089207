import type { Near } from '../balance/placed-picker.ts'

/** What a caller may say of one call. */
export interface CallOptions {
  /** ms for the whole call: connecting, all tries, the answer. @default the method's, else 30,000 */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Name or peer id of the only member to ask. @default one that serves the method */
  readonly peer?: string | undefined
  /** Running it twice does no harm. @default what the method's contract says, else false */
  readonly idempotent?: boolean | undefined
  /** What the handler reads as `ctx.metadata`: names and texts, at most 1 KiB as JSON. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Calls of one key go to one provider, at every caller, while it answers: for caches and sessions. @default none */
  readonly key?: string | undefined
  /** Which providers are asked first: of the own zone, then region; of the own region; or any. @default 'zone'; 'any' with a key */
  readonly near?: Near | undefined
  /** false: asks a member, whatever is cached, and leaves the cache as it is. @default what the method's contract says */
  readonly cache?: false | undefined
}
