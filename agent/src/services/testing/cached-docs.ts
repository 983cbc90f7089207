import { MeshError } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { InboundCall } from '../../rpc/index.ts'
import type { AnswerGuard } from '../cache/answer-guard.ts'
import type { CacheResult } from '../cache/answer-cache.ts'
import { CallCache } from '../cache/call-cache.ts'
import { ServiceCaller } from '../call/service-caller.ts'
import { defineService } from '../contract/contract.ts'
import { SpecTargets } from './fixtures.ts'

export const docs = defineService({
  name: 'docs',
  version: 1,
  methods: {
    get: {
      params: z.object({ id: z.string(), part: z.optional(z.number()) }),
      result: z.object({ text: z.string(), by: z.string(), n: z.number() }),
      idempotent: true,
      cache: { ttl: 1_000, stale: 4_000, tags: ({ id }: { id: string }) => [`doc:${id}`] },
    },
    bytes: { params: z.unknown(), result: z.unknown(), idempotent: true, cache: { ttl: 1_000 } },
    plain: { params: z.unknown(), result: z.unknown(), idempotent: true },
  },
})

interface Asked {
  readonly by: string
  readonly id: string
  readonly call: InboundCall
  /** With the text of a document. */
  answer(text: string): void
  /** With any value. */
  reply(value: unknown): void
  fail(error: unknown): void
}

/** Members that serve documents over real sockets, a caller with a cache, and a cache clock that the spec advances. */
export class CachedDocs {
  /** Calls that reached a member, oldest first. */
  readonly asked: Asked[] = []
  readonly results: CacheResult[] = []
  /** Names of members that were revoked. */
  readonly revoked = new Set<string>()
  allowed = true
  /** Members answer at once. */
  atOnce = true
  readonly cache: CallCache
  readonly caller: ServiceCaller<[typeof docs]>
  readonly #targets = new SpecTargets()
  #later = 0

  constructor(names: readonly string[] = ['a'], maxBytes = 1 << 20) {
    const members = names.map(name => [name, (call: InboundCall) => this.#serve(name, call)] as const)
    const targets = this.#targets.of(Object.fromEntries(members))
    const guard: AnswerGuard = {
      allows: () => this.allowed,
      originOf: peerId => ({ peerId, serial: undefined, revocations: this.revoked.size }),
      trusts: ({ peerId, revocations }) =>
        peerId === undefined ? revocations === this.revoked.size : !this.revoked.has(peerId),
    }
    const now = () => performance.now() + this.#later
    this.cache = new CallCache({ maxBytes, guard, now, onResult: (_, result) => this.results.push(result) })
    const { cache } = this
    this.caller = new ServiceCaller({ targets, contracts: [docs], cache, now, random: () => 0 })
  }

  get = (id: string, options = {}) => this.caller.call('docs.get', { id }, options)

  /** The text of a document, as a caller gets it. */
  text = async (id: string, options = {}): Promise<string> => (await this.get(id, options)).text

  /** Time passes for the cache. */
  pass(ms: number): void {
    this.#later += ms
  }

  stop(): void {
    this.caller.stop()
    this.#targets.stop()
  }

  #serve(by: string, call: InboundCall): Promise<unknown> | unknown {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const { id = '' } = (call.params() ?? {}) as { id?: string }
    const n = this.asked.length + 1
    const answer = (text: string): void => resolve({ text, by, n })
    this.asked.push({ by, id, call, answer, reply: resolve, fail: reject })
    call.signal.addEventListener('abort', () => reject(new MeshError('cancelled', 'Cannot read: cancelled')))
    if (this.atOnce) answer(`${id} ${n}`)
    return promise
  }
}
