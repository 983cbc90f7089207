/** Types promise only what the wire carries: JSON, bytes alone, or what codecs turn into these. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Coded } from './coded.ts'

type Plain = string | number | boolean | null | undefined | void

/** What JSON.stringify changes or drops, or what it makes an object of. */
type Unfit =
  | bigint
  | symbol
  | ((...args: never[]) => unknown)
  | Date
  | RegExp
  | Error
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakKeyed
  | PromiseLike<unknown>
  | ArrayBuffer
  | ArrayBufferView

type WeakKeyed = WeakMap<WeakKey, unknown> | WeakSet<WeakKey>

/** The type itself where JSON carries all of it; `never` in place of the parts that it does not carry. */
type Json<T> = unknown extends T
  ? T
  : T extends Plain
    ? T
    : T extends Unfit
      ? never
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : never

/** `true`, `false`, or both for a union of both kinds. Bytes travel alone, as they are. */
type IsSendable<T> = unknown extends T ? true : T extends Uint8Array ? true : T extends Json<T> ? true : false

/** What the sender of a value hands to the wire. */
type Sent<Schema> =
  Schema extends Coded<unknown, infer Wire>
    ? Wire
    : Schema extends StandardSchemaV1
      ? StandardSchemaV1.InferInput<Schema>
      : unknown

type IsFault<Schema> = false extends IsSendable<Sent<Schema>> ? true : false

type Values = 'params' | 'result' | 'takes' | 'yields'

/** The methods of a contract whose values cannot be sent, with what to do; empty where all can. */
export type SendableMethods<Methods extends Readonly<Record<string, object>>> = {
  readonly [Key in keyof Methods]: {
    readonly [
      Part in keyof Methods[Key] & Values as true extends IsFault<Methods[Key][Part]> ? Part : never
    ]: 'no JSON and no bytes: use coded(...)'
  } & {
    readonly [
      Part in keyof Methods[Key] & 'errors' as HasFault<Methods[Key][Part]> extends true ? Part : never
    ]: 'details are no JSON object: use coded(...)'
  }
}

type HasFault<Errors> = true extends { [Name in keyof Errors]: IsFaultyDetails<Errors[Name]> }[keyof Errors]
  ? true
  : false

/** Details are an object, or nothing. */
type IsFaultyDetails<Schema> = false extends IsDetails<Sent<Schema>> ? true : IsFault<Schema>

type IsDetails<T> = unknown extends T
  ? true
  : T extends undefined | void
    ? true
    : T extends Uint8Array | readonly unknown[]
      ? false
      : T extends object
        ? true
        : false
