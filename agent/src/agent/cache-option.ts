import { parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { checkNames } from '../core/option-names.ts'
import type { Member } from '../member/member.ts'
import { observeCache } from '../observe/cache-metrics.ts'
import { systemWheelClock } from '../rpc/index.ts'
import { CallCache } from '../services/cache/call-cache.ts'
import { cacheDefaults } from '../services/cache/defaults.ts'
import { answerGuard } from './answer-guard.ts'

const { maxBytes, leastBytes, mostBytes } = cacheDefaults

const cacheField = z._default(
  z.union([
    z.literal(false),
    z.object({
      /** Bytes of all cached answers together. @default 64 MiB */
      maxBytes: z._default(z.int().check(z.minimum(leastBytes), z.maximum(mostBytes)), maxBytes),
    }),
  ]),
  { maxBytes },
)

/** Room for the answers of methods whose contract has a `cache`; false: none is kept. */
export type CacheOption = z.input<typeof cacheField>
type CacheSettings = z.output<typeof cacheField>

/** @throws MeshError `invalid_argument` */
export function parseCache(option: CacheOption): CacheSettings {
  checkNames(option, ['maxBytes'], 'cache.')
  return parse(cacheField, option, 'start: cache')
}

/** The cache of an agent, counted in its metrics; undefined when it has none. @param onLoaded a method with a cache was called */
export function cacheOf(
  member: Member,
  settings: CacheSettings,
  onLoaded: () => void,
): CallCache | undefined {
  if (settings === false) return undefined
  const metrics = observeCache(member.metrics.registry, { bytes: () => cache.bytes, size: () => cache.size })
  const init = {
    maxBytes: settings.maxBytes,
    guard: answerGuard(member),
    now: () => systemWheelClock.now(),
    onResult: metrics.answered,
  }
  const cache: CallCache = new CallCache(init, onLoaded)
  return cache
}
