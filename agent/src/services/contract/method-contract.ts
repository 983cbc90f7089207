/** A method as its contract states it, and the check of what a program without types may write in its place. */
import { largestBodyBytes } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { namesOf, unknownName } from '../../core/option-names.ts'
import { isSchema, schemaHint } from './is-schema.ts'
import { unfitErrorName, type ErrorContracts } from './error-contracts.ts'

/** What a method does to the world: nothing, a change, or a change that loses something. */
export type Effects = 'read' | 'write' | 'destroy'

/** Whether and how long callers may use an answer again. Of idempotent methods only. */
export interface CacheRules<Params = never> {
  /** ms for which an answer is used again; using it does not prolong that. */
  readonly ttl: number
  /** ms after `ttl` for which the old answer is still given while a new one is asked for. @default 0 */
  readonly stale?: number
  /** Names by which answers are dropped: `['doc:7']`. @default none */
  readonly tags?: (params: Params) => readonly string[]
}

/** What a method takes and gives. Schemas of any library that speaks Standard Schema (zod, valibot, arktype, ...). */
export interface MethodContract<
  Params extends StandardSchemaV1 = StandardSchemaV1,
  Result extends StandardSchemaV1 = StandardSchemaV1,
> {
  readonly params: Params
  readonly result: Result
  /** Messages that a caller sends while the method runs: it streams. @default none */
  readonly takes?: StandardSchemaV1
  /** Messages that the method sends while it runs, before its result: it streams. @default none */
  readonly yields?: StandardSchemaV1
  /** Errors that callers can tell apart by type: `{ no_such_sensor: schema of its details }`. @default none */
  readonly errors?: ErrorContracts
  /** What it does to the world. A method that reads is idempotent. @default not said */
  readonly effects?: Effects
  /** Running it twice does no harm: a call may be repeated after its link broke. @default true if its `effects` are `read`, else false */
  readonly idempotent?: boolean
  /** Answers that may be used again. @default none */
  readonly cache?: CacheRules
  /** ms that a call gets unless its caller says otherwise. @default 30,000; none for a stream */
  readonly timeout?: number
  /** Bytes that its params, and its result, may have at most; memory that both ends need. @default 64 MiB */
  readonly largest?: number
  /** What it does, one sentence for people. */
  readonly about?: string
}

/** Whether running it twice does no harm. */
export const isIdempotent = ({
  idempotent,
  effects,
}: Pick<MethodContract, 'idempotent' | 'effects'>): boolean => idempotent ?? effects === 'read'

/** Whether messages go while it runs. */
export const isStreamed = ({ takes, yields }: Pick<MethodContract, 'takes' | 'yields'>): boolean =>
  takes !== undefined || yields !== undefined

const methodWords = namesOf<MethodContract>({
  params: true,
  result: true,
  takes: true,
  yields: true,
  errors: true,
  effects: true,
  idempotent: true,
  cache: true,
  timeout: true,
  largest: true,
  about: true,
})
const cacheWords = namesOf<CacheRules>({ ttl: true, stale: true, tags: true })
const effectWords: readonly Effects[] = ['read', 'write', 'destroy']

interface Fault {
  /** Continues "its method 'add' ...". */
  readonly reason: string
  readonly hint?: string
}

/** @param action `define service 'math'` @throws MeshError `invalid_argument` naming the method `key`, and what to write */
export function checkMethod(given: unknown, key: string, action: string): void {
  if (typeof given === 'object' && given !== null) checkDurations(given, key, action)
  const fault = faultOf(given)
  if (fault !== undefined) throw invalidArgument(action, `its method '${key}' ${fault.reason}`, fault.hint)
}

function checkDurations({ timeout, cache }: Partial<MethodContract>, key: string, action: string): void {
  if (timeout !== undefined) checkDuration(timeout, action, `timeout of ${key}`, 1)
  if (typeof cache !== 'object' || cache === null) return
  checkDuration(cache.ttl, action, `ttl of the cache of ${key}`, 1)
  if (cache.stale !== undefined) checkDuration(cache.stale, action, `stale time of the cache of ${key}`)
}

function faultOf(given: unknown): Fault | undefined {
  if (typeof given !== 'object' || given === null)
    return { reason: `is ${shownValue(given)}`, hint: 'Write { params: schema, result: schema }.' }
  const unknown = unknownName(given, methodWords, '', 'words')
  if (unknown !== undefined) return { reason: `has the unknown word '${unknown.name}'`, hint: unknown.hint }
  const method = given as MethodContract
  return schemaFault(method) ?? errorsFault(method) ?? wordFault(method) ?? cacheFault(method)
}

function schemaFault(method: MethodContract): Fault | undefined {
  for (const part of ['params', 'result', 'takes', 'yields'] as const) {
    const schema: unknown = method[part]
    if (schema === undefined && (part === 'takes' || part === 'yields')) continue
    if (schema === undefined)
      return { reason: `has no ${part}`, hint: `${schemaHint} z.undefined() says that there are none.` }
    if (!isSchema(schema)) return { reason: `has ${shownValue(schema)} as ${part}`, hint: schemaHint }
  }
  return undefined
}

function errorsFault({ errors }: { readonly errors?: unknown }): Fault | undefined {
  if (errors === undefined) return undefined
  if (typeof errors !== 'object' || errors === null)
    return { reason: `has ${shownValue(errors)} as errors`, hint: 'Write { name_of_error: schema }.' }
  const unfit = unfitErrorName(errors as ErrorContracts)
  if (unfit !== undefined)
    return { reason: `declares the error '${unfit}', no word of letters, digits, _ and -` }
  for (const [name, schema] of Object.entries(errors))
    if (!isSchema(schema))
      return { reason: `declares the error '${name}' with ${shownValue(schema)}`, hint: schemaHint }
  return undefined
}

function wordFault(method: MethodContract): Fault | undefined {
  const { effects, largest } = method
  const { idempotent, about } = method as { readonly idempotent?: unknown; readonly about?: unknown }
  if (effects !== undefined && !effectWords.includes(effects))
    return { reason: `has the effects ${shownValue(effects)}, not ${effectWords.join(', ')}` }
  if (idempotent !== undefined && typeof idempotent !== 'boolean')
    return { reason: `has idempotent ${shownValue(idempotent)}, not true or false` }
  if (effects === 'read' && idempotent === false) return { reason: 'reads, and yet is not idempotent' }
  if (about !== undefined && typeof about !== 'string')
    return { reason: `has ${shownValue(about)} as about, not a sentence` }
  if (largest !== undefined && !(Number.isInteger(largest) && largest >= 1 && largest <= largestBodyBytes))
    return {
      reason: `has largest ${shownValue(largest)}, no whole number of bytes up to ${largestBodyBytes}`,
    }
  return undefined
}

function cacheFault(method: MethodContract): Fault | undefined {
  const cache: unknown = method.cache
  if (cache === undefined) return undefined
  if (typeof cache !== 'object' || cache === null)
    return { reason: `has the cache ${shownValue(cache)}`, hint: 'Write { ttl: 60_000 }, ms.' }
  const unknown = unknownName(cache, cacheWords, 'cache.', 'words')
  if (unknown !== undefined) return { reason: `has the unknown word '${unknown.name}'`, hint: unknown.hint }
  const { tags } = cache as { readonly tags?: unknown }
  if (tags !== undefined && typeof tags !== 'function')
    return { reason: `has ${shownValue(tags)} as cache.tags`, hint: "Write params => ['doc:7']." }
  if (!isIdempotent(method)) return { reason: 'has a cache, and is not idempotent' }
  return isStreamed(method) ? { reason: 'has a cache, and streams' } : undefined
}
