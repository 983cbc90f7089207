/** The trace of a program goes through the gateway, also where the agent traces nothing itself. */
import { defineService } from '@agent-mesh/agent'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { bearer, json, rpcClient } from '../support/rpc-clients.ts'

const traces = defineService({
  name: 'math',
  version: 2,
  methods: {
    trace: { params: z.unknown(), result: z.array(z.string()) },
    stream: { params: z.unknown(), yields: z.string(), result: z.null() },
  },
})
const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)]
const headers = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'vendor=1' }

let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  at.server.serve({
    contract: traces,
    handlers: {
      trace: (_, { trace, tracestate }) => [trace?.traceId ?? '', trace?.spanId ?? '', tracestate ?? ''],
      async *stream(_, { trace }) {
        yield await Promise.resolve(trace?.traceId ?? '')
        return null
      },
    },
  })
  await at.desk.waitFor(traces)
  token = await at.token('traced', 'service:*')
})
afterAll(() => at.stop())

it('in the headers of a call', async () => {
  const call = (more: object) => at.ask('/v1/call/math@2/trace', { ...jsonBody(token, null), ...more })
  expect((await call(headers)).json()).toEqual([traceId, spanId, 'vendor=1'])
  expect((await call({ traceparent: 'none' })).json()).toEqual(['', '', ''])
})

it('in the headers of a stream', async () => {
  const { text } = await at.ask('/v1/stream/math@2/stream', { ...jsonBody(token, null), ...headers })
  expect(text.split('\n')[0]).toBe(JSON.stringify({ value: traceId }))
})

it('in the metadata of gRPC', async () => {
  const grpc = rpcClient(at.gateway.url)
  const options = { headers: { ...bearer(token).headers, ...headers } }
  const { result } = await grpc.call({ method: 'math@2.trace', params: json(null) }, options)
  expect(JSON.parse(result?.json ?? '')).toEqual([traceId, spanId, 'vendor=1'])
})
