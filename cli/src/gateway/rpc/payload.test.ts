import { create } from '@bufbuild/protobuf'
import { Tailed } from '@agent-mesh/protocol/wire/body'
import { expect, it } from 'vitest'

import { PayloadSchema } from './gen/agentmesh/v1/mesh_pb.ts'
import { payloadOf, valueOfPayload } from './payload.ts'

it.each([
  ['no value', undefined],
  ['null', null],
  ['JSON', { a: [1, 'b', null] }],
  ['bytes', Uint8Array.of(0, 255)],
  ['JSON with bytes behind it', new Tailed({ name: 'a' }, Uint8Array.of(1))],
])('%s is the same after both ways', (_, value) => {
  expect(valueOfPayload(create(PayloadSchema, payloadOf(value)), 'call', 'params')).toEqual(value)
})

it('no payload is no value', () => expect(valueOfPayload(undefined, 'call', 'params')).toBeUndefined())

it.each(['', '{"a":', '9007199254740993'])("JSON text '%s' is refused", json => {
  expect(() => valueOfPayload(create(PayloadSchema, { json }), 'call', 'params')).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }) as Error,
  )
})
