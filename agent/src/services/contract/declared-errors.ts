/** Errors that the contract of a method declares: how handlers make them, and how callers tell them apart by type. */
import { MeshError } from '@agent-mesh/protocol'
import { detailsChars, encodeBody } from '@agent-mesh/protocol/wire/index'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { encoderOf } from './coded.ts'
import type { MethodContract, MethodContracts, ServiceContract } from './contract.ts'
import type { ErrorContracts } from './error-contracts.ts'
import { checkedValue } from './validate.ts'

/** The errors of a method; none where it declares none. */
export type ErrorsOf<Method> = Method extends { readonly errors: infer Errors extends ErrorContracts }
  ? Errors
  : Record<never, never>

/** What a handler says of an error: its details, which may be left out where they may be undefined, and why in words. */
export type ErrorArguments<Schema extends StandardSchemaV1> =
  undefined extends StandardSchemaV1.InferInput<Schema>
    ? [details?: StandardSchemaV1.InferInput<Schema>, reason?: string]
    : [details: StandardSchemaV1.InferInput<Schema>, reason?: string]

/** An error of a method as its caller gets it: `declared` tells which, and then what `details` are. */
export type ErrorOf<Method extends MethodContract> = {
  [Name in keyof ErrorsOf<Method> & string]: MeshError & {
    readonly declared: Name
    readonly details: StandardSchemaV1.InferOutput<ErrorsOf<Method>[Name] & StandardSchemaV1>
  }
}[keyof ErrorsOf<Method> & string]

const schemaOf = (errors: ErrorContracts | undefined, name: string): StandardSchemaV1 | undefined =>
  errors !== undefined && Object.hasOwn(errors, name) ? errors[name] : undefined

/**
 * The error to throw. @param method `sensors.read`
 * @throws MeshError `internal` for a name that the contract does not declare; `invalid_argument` for details that JSON cannot carry,
 * `too_large` for more than 4,000 characters of them
 */
export function declaredError(
  method: string,
  errors: ErrorContracts | undefined,
  name: string,
  details: unknown,
  reason = name,
): MeshError {
  const schema = schemaOf(errors, name)
  if (schema === undefined)
    throw new MeshError('internal', `Cannot call ${method}: its contract declares no error '${name}'`)
  const encode = encoderOf(schema)
  const action = `tell ${name} of`
  const sent = encode === undefined ? details : checkedValue(encode(details), 'application', action, method)
  const { json } = encodeBody(sent, `details of ${name}`, method)
  if (json !== undefined && json.length > detailsChars)
    throw new MeshError(
      'too_large',
      `Cannot tell ${name} of ${method}: its details are ${json.length} characters, the limit is ${detailsChars}`,
    )
  return new MeshError('application', `Cannot call ${method}: ${reason}`, {
    declared: name,
    ...(sent === undefined ? {} : { details: sent as Record<string, unknown> }),
  })
}

/** By which schema the details of an error were found to fit. */
const checkedBy = new WeakMap<MeshError, StandardSchemaV1>()

/**
 * What the caller gets of a failed call: a declared error with its details checked, all other errors as they are.
 * @throws MeshError `protocol_error` for details that do not fit
 */
export async function checkedError(
  thrown: unknown,
  { errors }: Pick<MethodContract, 'errors'>,
  method: string,
): Promise<unknown> {
  if (!(thrown instanceof MeshError) || thrown.declared === undefined) return thrown
  const { declared, message, hint } = thrown
  const schema = schemaOf(errors, declared)
  if (schema === undefined) return thrown
  const result = await schema['~standard'].validate(thrown.details)
  const details = checkedValue(result, 'protocol_error', `use the details of ${declared} of`, method)
  const error = new MeshError('application', message, {
    told: thrown.told,
    declared,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details: details as Record<string, unknown> }),
  })
  checkedBy.set(error, schema)
  return error
}

/**
 * Whether a call of this method ended with an error that its contract declares: `declared` then tells which one, and what `details`
 * are. The call must have been made with the same contract.
 */
export function isErrorOf<Methods extends MethodContracts, Key extends keyof Methods & string>(
  contract: Pick<ServiceContract<string, Methods>, 'methods'>,
  method: Key,
  error: unknown,
): error is ErrorOf<Methods[Key]> {
  if (!(error instanceof MeshError) || error.declared === undefined) return false
  const schema = schemaOf(contract.methods[method]?.errors, error.declared)
  return schema !== undefined && checkedBy.get(error) === schema
}
