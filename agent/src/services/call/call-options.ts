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
}
