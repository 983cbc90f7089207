/** 10,000 streams of one program over HTTP/2: what it takes of the gateway, and what it leaves to others. */
import { constants, type ClientHttp2Session } from 'node:http2'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults, meshRpcs } from '@agent-mesh/cli'
import { GatewayMesh } from '../support/gateway-mesh.ts'
import { connectRaw, ended, framed, openRpc, trailersOf } from '../support/raw-rpc.ts'
import { servesOthers } from '../support/rpc-clients.ts'

const { CallRequestSchema: schema } = await meshRpcs()
const { requestsOfToken } = gatewayDefaults
const hang = framed(toBinary(schema, create(schema, { method: 'math.hang', peer: 'server' })))
let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('robot', 'service:math.*')
})
afterAll(() => at.stop())

it(
  'of 10,000 streams of one program its share runs, and the others are refused',
  { timeout: 300_000 },
  async () => {
    const sessions = Array.from({ length: 200 }, () => connectRaw(at.gateway.url))
    const statuses: Record<string, number> = {}
    const ask = async (session: ClientHttp2Session) => {
      const sent = openRpc(session, { token })
      const trailers = trailersOf(sent).then(
        ({ 'grpc-status': status }) => String(status),
        (error: Error) => error.message,
      )
      sent.end(hang)
      const status = await trailers
      statuses[status] = (statuses[status] ?? 0) + 1
    }
    const asked = sessions.flatMap(session => Array.from({ length: 50 }, () => ask(session)))
    await vi.waitFor(() => expect(statuses).toEqual({ '8': 10_000 - requestsOfToken }), 240_000)
    expect(at.hanging.size).toBe(requestsOfToken)
    await servesOthers(at)
    for (const session of sessions) session.destroy()
    await Promise.all(asked)
    await vi.waitFor(() => expect(at.hanging.size).toBe(0), 60_000)
  },
)

it('10,000 requests that are reset at once end their connection', { timeout: 300_000 }, async () => {
  const session = connectRaw(at.gateway.url)
  const closed = ended(session)
  for (let i = 0; i < 10_000 && !session.destroyed; i++) {
    const sent = openRpc(session, { token })
    sent.end(hang)
    sent.close(constants.NGHTTP2_CANCEL)
    if (i % 50 === 0) await new Promise(setImmediate)
  }
  await closed
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 60_000)
  await servesOthers(at)
})
