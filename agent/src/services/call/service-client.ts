import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  isStreamed,
  serviceRef,
  type MethodContract,
  type MethodContracts,
  type ServiceContract,
} from '../contract/contract.ts'
import type { TakenBy, YieldedBy } from '../contract/typed.ts'
import type { CallOptions, StreamOptions } from './call-options.ts'
import type { ServiceStream } from './service-stream.ts'
import type { Aim } from './version-choice.ts'

type ArgumentsOf<Method extends MethodContract, Options> =
  undefined extends StandardSchemaV1.InferInput<Method['params']>
    ? [params?: StandardSchemaV1.InferInput<Method['params']>, options?: Options]
    : [params: StandardSchemaV1.InferInput<Method['params']>, options?: Options]

/**
 * A service as an object: each method of its contract is a function that calls it wherever it is served. A method `then` is none of
 * them, for `await` would call it: use `agent.call('math.then')`.
 */
export type ServiceClient<Methods extends MethodContracts> = {
  readonly [Key in keyof Methods as Exclude<Key, 'then'>]: Methods[Key] extends
    { readonly yields: StandardSchemaV1 } | { readonly takes: StandardSchemaV1 }
    ? (
        ...args: ArgumentsOf<Methods[Key], StreamOptions<TakenBy<Methods[Key]>>>
      ) => ServiceStream<YieldedBy<Methods[Key]>, StandardSchemaV1.InferOutput<Methods[Key]['result']>>
    : (
        ...args: ArgumentsOf<Methods[Key], CallOptions>
      ) => Promise<StandardSchemaV1.InferOutput<Methods[Key]['result']>>
}

/** A method of a client. Its names stay the same strings, so that its calls need no new hash of them. */
export interface ClientMethod {
  /** `math@2.add` */
  readonly method: string
  /** Its name in the metrics: `math.add` */
  readonly counted: string
  /** Chooses the version; undefined: that of the contract. */
  readonly aim: Aim | undefined
}

export interface ClientCalls {
  call(named: ClientMethod, params: unknown, options?: CallOptions): Promise<unknown>
  stream(named: ClientMethod, params: unknown, options?: StreamOptions): ServiceStream
}

/** @param contract that was checked */
export function serviceClient<Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  aim: Aim | undefined,
  calls: ClientCalls,
): ServiceClient<Methods> {
  const ref = serviceRef(contract)
  const entries = Object.entries(contract.methods).filter(([key]) => key !== 'then')
  const methods = entries.map(([key, method]) => {
    const named = { method: `${ref}.${key}`, counted: `${contract.name}.${key}`, aim }
    return [
      key,
      isStreamed(method)
        ? (params: unknown, options?: StreamOptions) => calls.stream(named, params, options)
        : (params: unknown, options?: CallOptions) => calls.call(named, params, options),
    ]
  })
  return Object.freeze(Object.fromEntries(methods)) as ServiceClient<Methods>
}
