import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  isStreamed,
  type MethodContract,
  type MethodContracts,
  type ServiceContract,
} from '../contract/contract.ts'
import type { TakenBy, YieldedBy } from '../contract/typed.ts'
import type { CallOptions, StreamOptions } from './call-options.ts'
import type { ServiceStream } from './service-stream.ts'

type ArgumentsOf<Method extends MethodContract, Options> =
  undefined extends StandardSchemaV1.InferInput<Method['params']>
    ? [params?: StandardSchemaV1.InferInput<Method['params']>, options?: Options]
    : [params: StandardSchemaV1.InferInput<Method['params']>, options?: Options]

export interface ServiceOptions {
  /**
   * Versions that the contract fits: `1 || 2`, `1 - 3`, `>=2`, `*`. The newest with a provider that is believed to answer is asked.
   * @default the contract's alone
   */
  readonly version?: string | undefined
}

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

/** How a client calls, by the name of a method in the contract: `add`. */
export interface ClientCalls {
  call(key: string, params: unknown, options?: CallOptions): Promise<unknown>
  stream(key: string, params: unknown, options?: StreamOptions): ServiceStream
}

/** @param contract that was checked */
export function serviceClient<Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  calls: ClientCalls,
): ServiceClient<Methods> {
  const named = Object.entries(contract.methods).filter(([key]) => key !== 'then')
  const methods = named.map(([key, method]) => [
    key,
    isStreamed(method)
      ? (params: unknown, options?: StreamOptions) => calls.stream(key, params, options)
      : (params: unknown, options?: CallOptions) => calls.call(key, params, options),
  ])
  return Object.freeze(Object.fromEntries(methods)) as ServiceClient<Methods>
}
