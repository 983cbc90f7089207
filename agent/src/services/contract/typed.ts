/** The types that callers and handlers get from the contracts. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CallContext } from './call-context.ts'
import type { ErrorsOf } from './declared-errors.ts'
import type { MethodContract, MethodContracts, ServiceContract } from './contract.ts'
import type { hostService } from './host-service.ts'

export type Contracts = readonly ServiceContract[]

type MethodsOfService<Service> =
  Service extends ServiceContract<infer Name, infer Methods>
    ? { [Key in keyof Methods & string as `${Name}.${Key}`]: Methods[Key] }
    : never

type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never

/** `{'math.add': contract, ...}` of all contracts, and of the service that every member serves. */
export type MethodsOf<C extends Contracts> = Intersection<MethodsOfService<C[number] | typeof hostService>>

/** Names that can be called: those of the contracts; any, when there are none. */
export type MethodName<C extends Contracts> = C extends readonly []
  ? string
  : Exclude<keyof MethodsOf<C> & string, StreamName<C>>

type Streamed = { readonly yields: StandardSchemaV1 } | { readonly takes: StandardSchemaV1 }

/** Names of methods that stream; any, when there are no contracts. */
export type StreamName<C extends Contracts> = C extends readonly []
  ? string
  : { [Key in keyof MethodsOf<C>]: MethodsOf<C>[Key] extends Streamed ? Key : never }[keyof MethodsOf<C>] &
      string

type ContractOf<C extends Contracts, Method extends string> = Method extends keyof MethodsOf<C>
  ? MethodsOf<C>[Method]
  : never

/** What a caller passes; unknown without a contract. */
export type ParamsOf<C extends Contracts, Method extends string> = C extends readonly []
  ? unknown
  : ContractOf<C, Method> extends MethodContract<infer Params>
    ? StandardSchemaV1.InferInput<Params>
    : never

/** What a caller gets; unknown without a contract. */
export type ResultOf<C extends Contracts, Method extends string> = C extends readonly []
  ? unknown
  : ContractOf<C, Method> extends MethodContract<StandardSchemaV1, infer Result>
    ? StandardSchemaV1.InferOutput<Result>
    : never

/** Messages that a caller sends. */
export type TakenBy<Method> = Method extends { readonly takes: infer Takes extends StandardSchemaV1 }
  ? StandardSchemaV1.InferInput<Takes>
  : never

/** Messages that a caller gets. */
export type YieldedBy<Method> = Method extends { readonly yields: infer Yields extends StandardSchemaV1 }
  ? StandardSchemaV1.InferOutput<Yields>
  : never

/** As {@link TakenBy}; unknown without a contract. */
export type TakesOf<C extends Contracts, Method extends string> = C extends readonly []
  ? unknown
  : TakenBy<ContractOf<C, Method>>

/** As {@link YieldedBy}; unknown without a contract. */
export type YieldsOf<C extends Contracts, Method extends string> = C extends readonly []
  ? unknown
  : YieldedBy<ContractOf<C, Method>>

/** Params may be left out where they may be undefined. */
export type CallArguments<C extends Contracts, Method extends string, Options> =
  undefined extends ParamsOf<C, Method>
    ? [params?: ParamsOf<C, Method>, options?: Options]
    : [params: ParamsOf<C, Method>, options?: Options]

/** One function for each method. */
export type Handlers<Methods extends MethodContracts> = {
  readonly [Key in keyof Methods]: (
    params: StandardSchemaV1.InferOutput<Methods[Key]['params']>,
    context: CallContext<ErrorsOf<Methods[Key]>, ReadBy<Methods[Key]>>,
  ) => Methods[Key] extends { readonly yields: infer Yields extends StandardSchemaV1 }
    ? Yielding<StandardSchemaV1.InferInput<Yields>, StandardSchemaV1.InferInput<Methods[Key]['result']>>
    : | StandardSchemaV1.InferInput<Methods[Key]['result']>
      | Promise<StandardSchemaV1.InferInput<Methods[Key]['result']>>
}

/** Messages that a handler reads. */
type ReadBy<Method> = Method extends { readonly takes: infer Takes extends StandardSchemaV1 }
  ? StandardSchemaV1.InferOutput<Takes>
  : never

/** A generator; any other iterable where no result is needed. */
type Yielding<Item, Result> =
  | AsyncGenerator<Item, Result, unknown>
  | Generator<Item, Result, unknown>
  | (undefined extends Result ? AsyncIterable<Item> : never)
