/** Values of calls in messages of RPCs: JSON text, raw bytes, or both. */
import { Tailed } from '@agent-mesh/protocol/wire/body'
import type { MessageInitShape } from '@bufbuild/protobuf'
import * as z from 'zod/mini'

import { parseExact } from '../../local/parse-exact.ts'
import type { Payload, PayloadSchema } from './gen/agentmesh/v1/mesh_pb.ts'

/** @throws MeshError invalid_argument for what is no JSON, and for a number that would become another */
export function valueOfPayload(payload: Payload | undefined, action: string, place: string): unknown {
  const { json, bytes } = payload ?? {}
  const value = json === undefined ? undefined : parseExact(z.unknown(), json, action, place)
  if (bytes === undefined) return value
  return value === undefined ? bytes : new Tailed(value, bytes)
}

/** @param value JSON, bytes or both, as a call carries it */
export function payloadOf(value: unknown): MessageInitShape<typeof PayloadSchema> {
  if (value instanceof Uint8Array) return { bytes: value }
  if (value instanceof Tailed) return { ...payloadOf(value.value), bytes: value.tail }
  return value === undefined ? {} : { json: JSON.stringify(value) }
}
