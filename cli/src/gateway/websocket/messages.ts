/**
 * Messages of `GET /v1/ws` (subprotocol `agent-mesh.v1`), JSON texts. The program chooses `id` for what it begins, the gateway `request` for a
 * call of what the program serves; each is free again after its `end` or `error`.
 *
 *   program -> gateway   {"id", "call": "math.add", "params"?, "bytes"?, "peer"?, "timeoutMs"?, "key"?, "idempotent"?}
 *   program -> gateway   {"id", "stream": "math.count", …, "input"?: true}
 *   program -> gateway   {"id", "message": {…}}, {"id", "last": true}    for the handler of a stream with input; at most 8, then as many as
 *   gateway -> program   {"id", "more": 4}                               says
 *   gateway -> program   {"id", "message": {…}}                          of the handler
 *   gateway -> program   {"id", "end": {…}} or {"id", "error": {…}}
 *   program -> gateway   {"id", "cancel": true}                          ends it: nothing more comes of it
 *
 *   program -> gateway   {"id", "publish": "alerts.disk", "value"?, "bytes"?, "retain"?, "acks"?, "timeoutMs"?}
 *   gateway -> program   {"id", "end": {"value": {"acks"}}} or {"id", "error": {…}}
 *   program -> gateway   {"id", "subscribe": "alerts.*", "group"?, "retained"?}
 *   gateway -> program   {"id", "subscribed": "alerts.*"}, then {"id", "message": {"topic", "from", "at", "retained", "lost", …}}, until
 *                        {"id", "cancel": true}
 *
 *   program -> gateway   {"id", "serve": "math@1", "methods": [{"name": "add"}]}
 *   gateway -> program   {"id", "serving": "math@1"} or {"id", "error": {…}}; until {"id", "cancel": true}
 *   gateway -> program   {"request", "service", "method", "caller": {…}, "params"?, "bytes"?, "timeoutMs"?, "idempotent"?, "app"?}
 *   program -> gateway   {"request", "end": {…}} or {"request", "error": {…}}
 *   gateway -> program   {"request", "cancel": true}                     its caller no longer waits
 *   program -> gateway   {"request", "message": {…}}                     of a method with `yields`; at most 8, then as many as {"request", "more"} says
 *   gateway -> program   {"request", "message": {…}}, {"request", "last": true}    of a method with `takes`
 *
 * `{…}` of a message or an end has `value` and `bytes` (base64), of an error problem details.
 */
import { localCallFields, localValueFields } from '@agent-mesh/protocol/local-api'
import { programMethods } from '@agent-mesh/protocol/local-programs'
import { localPublishRequest, localSubscribeRequest } from '@agent-mesh/protocol/local-topics'
import { MeshError } from '@agent-mesh/protocol/errors'
import { serviceRefField } from '@agent-mesh/protocol/fields'
import { parse } from '@agent-mesh/protocol/parse'
import * as z from 'zod/mini'

import { parseExact } from '../../local/parse-exact.ts'
import { programProblem } from '../../programs/program-reply.ts'

const number = z.int().check(z.minimum(0), z.maximum(2 ** 31))
const yes = z.literal(true)
const { method: methodName, ...called } = localCallFields
const asked = { id: number, ...called, key: z.optional(z.string().check(z.minLength(1), z.maxLength(1_024))) }
const value = z.strictObject(localValueFields)
const { topic, ...published } = localPublishRequest.shape
const { topic: pattern, ...subscribed } = localSubscribeRequest.shape
/** By the field that only they have. */
const begun = {
  call: z.strictObject({ ...asked, call: methodName, idempotent: z.optional(z.boolean()) }),
  stream: z.strictObject({ ...asked, stream: methodName, input: z.optional(z.boolean()) }),
  publish: z.strictObject({ id: number, publish: topic, ...published }),
  subscribe: z.strictObject({ id: number, subscribe: pattern, ...subscribed }),
  serve: z.strictObject({ id: number, serve: serviceRefField, methods: programMethods }),
  cancel: z.strictObject({ id: number, cancel: yes }),
}
const either = { id: z.optional(number), request: z.optional(number) }
const followed = {
  message: z.strictObject({ ...either, message: value }),
  last: z.strictObject({ id: number, last: yes }),
  end: z.strictObject({ request: number, end: value }),
  error: z.strictObject({ request: number, error: programProblem }),
}
const schemas = { ...begun, ...followed }
type Schemas = typeof schemas
type Kind = keyof Schemas

export type Said = { [Key in Kind]: { kind: Key; said: z.output<Schemas[Key]> } }[Kind]
export type SaidOf<Key extends Kind> = z.output<Schemas[Key]>

const kinds = Object.keys(schemas) as Kind[]
const anyObject = z.record(z.string(), z.unknown())

/** @throws MeshError invalid_argument */
export function readMessage(text: string): Said {
  const action = 'read the message'
  const raw = parseExact(anyObject, text, action, 'message')
  const kind = kinds.find(each => Object.hasOwn(raw, each))
  if (kind === undefined)
    throw new MeshError('invalid_argument', `Cannot ${action}: it has none of ${kinds.join(', ')}`)
  return { kind, said: parse(schemas[kind], raw, action) } as Said
}
