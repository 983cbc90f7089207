/** Signed requests to the control plane: a wrong clock is corrected once, what is idempotent is retried. */
import { basePathOf, MeshError, needsNonce, parseJson, signRequest, type Signer } from '@agent-mesh/protocol'
import { DelegateBackoff, ExponentialBackoff, handleWhen, retry, type IRetryBackoffContext } from 'cockatiel'
import { randomBytes } from 'node:crypto'
import type * as z from 'zod/mini'
import type { Clock } from '../observe/clock.ts'
import type { Proxy } from '../transport/wires/proxy.ts'
import { discoveryDefaults } from './defaults.ts'
import { exchange, type HttpAnswer } from './http.ts'
import { Reachability } from './reachability.ts'

export interface SignedHttpInit {
  /** Base URL, as the join token has it. */
  url: string
  meshId: string
  /** Without it requests go unsigned: only the open routes answer. */
  signer?: Signer | undefined
  clock: Clock
  /** Requests go through it. @default none */
  proxy?: Proxy | undefined
}

export interface HttpCall {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  query?: Record<string, string | undefined>
  body?: unknown
  signal?: AbortSignal | undefined
  /** Not idempotent: sent once. */
  once?: boolean
}

const exponential = new ExponentialBackoff({
  initialDelay: discoveryDefaults.retryMinMs,
  maxDelay: discoveryDefaults.retryMaxMs,
})

/** As long as the server says, with jitter, since many members may have received the same answer; else longer each time. */
const backoff = new DelegateBackoff<IRetryBackoffContext<unknown>, Backoff | undefined>((context, state) => {
  const next = (state?.next(context) ?? exponential.next()) as Backoff
  const told =
    'error' in context.result ? retryAfterMs((context.result as { error: unknown }).error) : undefined
  const delay =
    told === undefined
      ? next.duration
      : Math.min(told * (1 + Math.random() / 2), discoveryDefaults.retryMaxMs)
  return { delay, state: next }
})

type Backoff = ReturnType<typeof exponential.next>

/** How long the server wants its caller to wait, ms; undefined when it does not say. */
export const retryAfterMs = (error: unknown): number | undefined => {
  const told = error instanceof MeshError ? error.details?.['retryAfterMs'] : undefined
  return typeof told === 'number' && told >= 0 ? told : undefined
}

const worthRetrying = (error: unknown) =>
  error instanceof MeshError && error.retriable && error.code !== 'clock_skew'

export class SignedHttp {
  readonly reachability: Reachability
  readonly #clock: Clock
  readonly #signer: Signer | undefined
  readonly #meshId: string
  readonly #url: string
  readonly #proxy: Proxy | undefined
  /** Of each polled call the last reply, which holds as long as the server answers 304 to its tag. */
  readonly #polled = new Map<string, { etag: string; reply: unknown }>()
  readonly #retrying = retry(handleWhen(worthRetrying), {
    maxAttempts: discoveryDefaults.requestTries - 1,
    backoff,
  })
  /** Server time minus the time here that never steps, learnt from a `clock_skew` refusal: the clock may be set meanwhile. */
  #serverAhead: number | undefined

  constructor(init: SignedHttpInit) {
    this.#clock = init.clock
    this.reachability = new Reachability(() => init.clock.monotonic())
    this.#signer = init.signer
    this.#meshId = init.meshId
    this.#url = init.url
    this.#proxy = init.proxy
  }

  /** Server time minus that of this machine, ms; 0 unless the server once complained. */
  get clockOffset(): number {
    return this.#serverAhead === undefined
      ? 0
      : this.#serverAhead + this.#clock.monotonic() - this.#clock.now()
  }

  /**
   * Sends, and parses the reply. A call that is `polled` gets the reply of before again when the server says that it holds.
   * @throws MeshError the server's code, unavailable, protocol_error
   */
  async ask<S extends z.ZodMiniType>(call: HttpCall & { reply: S; polled?: boolean }): Promise<z.output<S>> {
    const key = `${call.path}?${JSON.stringify(call.query ?? {})}`
    const known = call.polled === true ? this.#polled.get(key) : undefined
    const { status, text, etag } = await this.#answer(call, known?.etag)
    if (status === 304 && known !== undefined) return known.reply as z.output<S>
    const reply = parseJson(call.reply, text, `read reply of ${call.method} ${call.path}`, 'protocol_error')
    if (call.polled === true && etag !== undefined) this.#polled.set(key, { etag, reply })
    return reply
  }

  /** Sends, and returns the reply as text. @throws MeshError the server's code, unavailable */
  async tell(call: HttpCall): Promise<string> {
    return (await this.#answer(call)).text
  }

  #answer(call: HttpCall, etag?: string): Promise<HttpAnswer> {
    if (call.once === true) return this.#correctingClock(call, etag)
    return this.#retrying.execute(() => this.#correctingClock(call, etag), call.signal)
  }

  /** Headers that prove who asks. */
  async headers(method: string, url: URL, body: Uint8Array, nonce?: string): Promise<Record<string, string>> {
    if (this.#signer === undefined) return {}
    const place = {
      meshId: this.#meshId,
      now: this.#clock.now() + this.clockOffset,
      base: basePathOf(this.#url),
    }
    const options = { ...place, ...(nonce === undefined ? {} : { nonce }) }
    return { authorization: await signRequest(this.#signer, { method, url, body }, options) }
  }

  async #correctingClock(call: HttpCall, etag?: string): Promise<HttpAnswer> {
    try {
      return await this.#send(call, etag)
    } catch (error) {
      const serverTime = error instanceof MeshError && error.code === 'clock_skew' && error.details?.['now']
      if (typeof serverTime !== 'number') throw error
      this.#serverAhead = serverTime - this.#clock.monotonic()
      return this.#send(call, etag)
    }
  }

  async #send(
    { method, path, query = {}, body: content, signal }: HttpCall,
    etag?: string,
  ): Promise<HttpAnswer> {
    const url = new URL(`${this.#url.replace(/\/+$/, '')}${path}`)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value)
    const body = new TextEncoder().encode(content === undefined ? '' : JSON.stringify(content))
    // A new one for each try: one that was lost on the way back counts as used.
    const nonce = needsNonce(method, path) ? randomBytes(16).toString('base64url') : undefined
    const signed = await this.headers(method, url, body, nonce)
    const typed: Record<string, string> = body.byteLength > 0 ? { 'content-type': 'application/json' } : {}
    const known: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
    const headers = { ...signed, ...typed, ...known }
    try {
      const answer = await exchange({ method, url, headers, body, signal, proxy: this.#proxy })
      this.reachability.heard()
      return answer
    } catch (error) {
      // Its caller gave up: that says nothing of the server.
      if (signal?.aborted !== true) this.reachability.heard(error)
      throw error
    }
  }
}
