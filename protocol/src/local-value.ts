/** Values on the local socket, which speaks JSON: raw bytes are base64 beside the value. */
import { Tailed } from './wire/body.ts'

/** As in replies and messages; a request has `params` in place of `value`. */
export type LocalValue = {
  value?: unknown
  /** base64 */
  bytes?: string | undefined
}

/** @param value JSON, bytes or a {@link Tailed}, as a call carries it */
export function localValue(value: unknown): LocalValue {
  if (value instanceof Uint8Array) return { bytes: base64(value) }
  if (value instanceof Tailed)
    return { ...(value.value !== undefined && { value: value.value }), bytes: base64(value.tail) }
  return value === undefined ? {} : { value }
}

/** What a call carries of it: JSON, bytes or a {@link Tailed}. */
export function valueOfLocal({ value, bytes }: LocalValue): unknown {
  if (bytes === undefined) return value
  const raw = Buffer.from(bytes, 'base64')
  return value === undefined ? raw : new Tailed(value, raw)
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
