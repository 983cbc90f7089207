/** The messages of streams as their contract has them: checked where they are sent and where they are read. */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { encodeBody, thrownByValue, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ReadMessage } from '../../rpc/index.ts'
import { encoderOf } from './coded.ts'
import { checkedValue } from './validate.ts'

/** Whose fault a message is that does not fit, and how to say it of a method: `use a message of`. */
export interface ItemFault {
  readonly code: ErrorCode
  readonly action: string
}

/** @returns how to read a message; undefined: as it comes. What it throws, also as a rejection, is a MeshError */
export function itemReader(
  schema: StandardSchemaV1 | undefined,
  method: string,
  { code, action }: ItemFault,
): ReadMessage | undefined {
  if (schema === undefined) return undefined
  return value => {
    const checked = schema['~standard'].validate(value)
    if (!(checked instanceof Promise)) return checkedValue(checked, code, action, method)
    return checked.then(result => checkedValue(result, code, action, method))
  }
}

/**
 * @returns how to make a message ready to be sent. What it throws, also as a rejection, is a MeshError, or at a callee what the message
 * itself throws while it is read: that is as if its handler threw it
 */
export function itemEncoder(
  schema: StandardSchemaV1 | undefined,
  method: string,
  { code, action }: ItemFault,
): (value: unknown) => EncodedBody | Promise<EncodedBody> {
  const ready = (value: unknown): EncodedBody => {
    try {
      return encodeBody(value, 'message', method)
    } catch (error) {
      throw code === 'invalid_argument' ? error : failureOf(error as MeshError, code)
    }
  }
  if (schema === undefined) return ready
  const encode = encoderOf(schema)
  if (encode !== undefined) return value => ready(checkedValue(encode(value), code, action, method))
  return value => {
    const checked = schema['~standard'].validate(value)
    if (checked instanceof Promise)
      return checked.then(result => {
        checkedValue(result, code, action, method)
        return ready(value)
      })
    checkedValue(checked, code, action, method)
    return ready(value)
  }
}

/** Of a message that its handler yields: no argument of the caller is wrong. */
function failureOf(error: MeshError, code: ErrorCode): unknown {
  const of = thrownByValue(error)
  return of === undefined ? new MeshError(code, error.message, { cause: error }) : of.thrown
}
