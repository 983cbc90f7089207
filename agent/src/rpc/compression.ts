/**
 * Whether the links of a process compress bodies, and what that gains: one for all links. A link compresses where its peer reads that
 * and its path was measured as slow; a path that was never full is not slow.
 */
import { compressBody, leastCompressedBytes, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import { compressionDefaults } from './defaults.ts'

/** `shadow`: some bodies are compressed to see what it would gain, and sent as they are. */
export type CompressionMode = 'off' | 'shadow' | 'on'

/** Of bodies on slow paths that were compressed, be it in the shadow. */
export interface CompressionGain {
  readonly bodies: number
  /** Before and after. */
  readonly textBytes: number
  readonly sentBytes: number
  /** ms that compressing took. */
  readonly cpuMs: number
  /** ms that the saved bytes take on their paths. */
  readonly savedMs: number
}

const none: CompressionGain = { bodies: 0, textBytes: 0, sentBytes: 0, cpuMs: 0, savedMs: 0 }

export class Compression {
  readonly #now: () => number
  readonly #onSlow = new Set<() => void>()
  #mode: CompressionMode = 'off'
  #seen = 0
  #gain = none
  #total = none

  /** @param now ms, with fractions */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Called for each body that could be compressed while the mode is `off`; must not throw. */
  onSlow(callback: () => void): void {
    this.#onSlow.add(callback)
  }

  get mode(): CompressionMode {
    return this.#mode
  }

  /** The gain counts from here on. */
  set mode(mode: CompressionMode) {
    this.#mode = mode
    this.#gain = none
  }

  /** Since the mode was set. */
  get gain(): CompressionGain {
    return this.#gain
  }

  /** Of bodies that were sent compressed, since the start. */
  get total(): CompressionGain {
    return this.#total
  }

  /** A body as it goes out on a path, to a peer that reads compressed ones. */
  apply(body: EncodedBody, bytesPerMs: number): EncodedBody {
    const { json, tail } = body
    if (json === undefined || tail !== undefined || json.length < leastCompressedBytes) return body
    if (bytesPerMs >= compressionDefaults.slowBytesPerMs) return body
    if (this.#mode === 'off') {
      for (const callback of this.#onSlow) callback()
      return body
    }
    if (this.#mode === 'shadow' && this.#seen++ % compressionDefaults.shadowed !== 0) return body
    return this.#compressed(body, bytesPerMs)
  }

  #compressed(body: EncodedBody, bytesPerMs: number): EncodedBody {
    const startedAt = this.#now()
    const compressed = compressBody(body)
    const cpuMs = this.#now() - startedAt
    const textBytes = compressed?.textBytes ?? body.json?.length ?? 0
    const sentBytes = compressed?.tail?.byteLength ?? textBytes
    const savedMs = (textBytes - sentBytes) / bytesPerMs
    const one = { bodies: 1, textBytes, sentBytes, cpuMs, savedMs }
    this.#gain = sum(this.#gain, one)
    if (this.#mode !== 'on' || compressed === undefined) return body
    this.#total = sum(this.#total, one)
    return compressed
  }
}

const sum = (a: CompressionGain, b: CompressionGain): CompressionGain => ({
  bodies: a.bodies + b.bodies,
  textBytes: a.textBytes + b.textBytes,
  sentBytes: a.sentBytes + b.sentBytes,
  cpuMs: a.cpuMs + b.cpuMs,
  savedMs: a.savedMs + b.savedMs,
})
