import { largestBodyBytes, MeshError, serviceNameField } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { SendableMethods } from './sendable.ts'
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

export type MethodContracts = Readonly<Record<string, MethodContract>>

/** A service as both sides know it: `math@2` with its methods `math.add`, ... */
export interface ServiceContract<
  Name extends string = string,
  Methods extends MethodContracts = MethodContracts,
> {
  readonly name: Name
  /** From 1; a change that breaks callers takes the next number. */
  readonly version: number
  readonly methods: Methods
}

const methodName = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/
const maxVersion = 999_999
const effectWords: readonly Effects[] = ['read', 'write', 'destroy']

/**
 * States a service for those who serve it and those who call it, types included. What the wire cannot carry does not compile.
 * @throws MeshError `invalid_argument` for a name or version that no record can carry
 */
export function defineService<const Name extends string, const Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods> & { readonly methods: SendableMethods<Methods> },
): ServiceContract<Name, Methods> {
  checkContract(contract)
  return contract
}

/** @throws MeshError `invalid_argument` as {@link defineService} */
export function checkContract({ name, version, methods }: ServiceContract): void {
  const refuse = (reason: string): never => {
    throw new MeshError('invalid_argument', `Cannot define service '${name}': ${reason}`)
  }
  if (!serviceNameField.safeParse(name).success) refuse('its name is not lower-case words joined by dots')
  if (!Number.isInteger(version) || version < 1 || version > maxVersion)
    refuse(`its version is ${version}, not 1 to ${maxVersion}`)
  for (const [key, method] of Object.entries(methods)) {
    if (!methodName.test(key)) refuse(`its method '${key}' is not a word of letters, digits, _ and -`)
    checkDurations(method, `define service '${name}'`, key)
    const fault = faultOf(method)
    if (fault !== undefined) refuse(`its method '${key}' ${fault}`)
  }
}

/** @throws MeshError `invalid_argument` */
function checkDurations({ timeout, cache }: MethodContract, action: string, key: string): void {
  if (timeout !== undefined) checkDuration(timeout, action, `timeout of ${key}`, 1)
  if (cache === undefined) return
  checkDuration(cache.ttl, action, `ttl of the cache of ${key}`, 1)
  if (cache.stale !== undefined) checkDuration(cache.stale, action, `stale time of the cache of ${key}`)
}

function faultOf(method: MethodContract): string | undefined {
  const { effects, idempotent, errors, cache, largest } = method
  if (effects !== undefined && !effectWords.includes(effects))
    return `has the effects '${String(effects)}', not ${effectWords.join(', ')}`
  if (effects === 'read' && idempotent === false) return 'reads, and yet is not idempotent'
  if (cache !== undefined && !isIdempotent(method)) return 'has a cache, and is not idempotent'
  if (cache !== undefined && isStreamed(method)) return 'has a cache, and streams'
  if (largest !== undefined && !(Number.isInteger(largest) && largest >= 1 && largest <= largestBodyBytes))
    return `has largest ${largest}, no whole number of bytes up to ${largestBodyBytes}`
  const unfit = unfitErrorName(errors)
  return unfit === undefined
    ? undefined
    : `declares the error '${unfit}', no word of letters, digits, _ and -`
}

/** `math@2` */
export const serviceRef = ({ name, version }: Pick<ServiceContract, 'name' | 'version'>): string =>
  `${name}@${version}`

/** A method as it stands in a request: `math.add` or `math@2.add`. */
export interface MethodRef {
  /** `math` */
  readonly service: string
  /** `math.add`, without version: what policy, metrics and people call it. */
  readonly method: string
}

/** Reads a method name from outside; undefined when it is none. */
export function parseMethod(name: string): MethodRef | undefined {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || dot === name.length - 1) return undefined
  const ref = name.slice(0, dot)
  const at = ref.indexOf('@')
  const service = at < 0 ? ref : ref.slice(0, at)
  return { service, method: `${service}${name.slice(dot)}` }
}
