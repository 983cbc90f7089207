import { localValue, type LocalValue } from '@agent-mesh/protocol/local-value'
import { encodeBody } from '@agent-mesh/protocol/wire/index'

/**
 * What a line sends, as it goes over the local socket: by the check that calls of programs make.
 * @param what `params` @param method of which method
 * @throws MeshError invalid_argument for what JSON would change without a word: NaN, a bigint, a Map
 */
export function soundValue(value: unknown, what: string, method?: string): LocalValue {
  encodeBody(value, what, method)
  return localValue(value)
}

/** As {@link soundValue}, of the params of a call. */
export function soundParams(params: unknown, method: string): { params?: unknown; bytes?: string } {
  const { value, bytes } = soundValue(params, 'params', method)
  return { ...(value !== undefined && { params: value }), ...(bytes !== undefined && { bytes }) }
}
