import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'

let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('tail', 'service:*')
})
afterAll(() => at.stop())

/** Opens a stream whose input stays open. */
async function open(path: string, by: string, first: string, type = 'application/x-ndjson') {
  const headers = { authorization: `Bearer ${by}`, 'content-type': type }
  const sent = request(`${at.gateway.url}${path}`, { method: 'POST', headers, agent: false })
  sent.on('error', () => {})
  sent.write(first)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  reply.on('error', () => {}).on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { sent, reply, said: () => text }
}

it('messages are lines of JSON, the last line has the result', async () => {
  const answer = await at.ask('/v1/stream/math/count', jsonBody(token, { to: 3 }))
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
  expect(answer.text).toBe('{"value":1}\n{"value":2}\n{"value":3}\n{"end":{"value":"done"}}\n')
})

it('messages are server-sent events for a client that accepts them', async () => {
  const asked = { ...jsonBody(token, { to: 1 }), accept: 'text/event-stream' }
  const answer = await at.ask('/v1/stream/math/count', asked)
  expect(answer.headers['content-type']).toBe('text/event-stream')
  expect(answer.text).toBe('event: message\ndata: {"value":1}\n\nevent: end\ndata: {"value":"done"}\n\n')
})

it('lines of the request reach the handler one by one, and are answered while it is open', async () => {
  const { sent, reply, said } = await open('/v1/stream/math/total', token, 'null\n{"value":1}\n')
  await vi.waitFor(() => expect(said()).toBe('{"value":1}\n'), 20_000)
  sent.write('{"value":4}\n')
  await vi.waitFor(() => expect(said()).toBe('{"value":1}\n{"value":5}\n'), 20_000)
  sent.end()
  await once(reply, 'end')
  expect(said()).toMatch(/\{"end":\{"value":5\}\}\n$/)
})

it('a stream that the policy denies ends with the error, which is on record at both ends', async () => {
  const answer = await at.ask('/v1/stream/vault/open', jsonBody(token, null))
  const { error } = JSON.parse(answer.text) as { error: object }
  expect(error).toMatchObject({ code: 'permission_denied', retryable: false })
  await vi.waitFor(async () => {
    for (const name of ['desk', 'server'])
      expect((await at.denials(name)).map(({ detail }) => detail?.['app'])).toContain('tail')
  }, 20_000)
})

it('no message passes once its token is revoked', async () => {
  const made = await at.tokens.create({ scope: { call: ['service:math.*'] }, lifetimeMs: 60_000 })
  const { sent, reply, said } = await open('/v1/stream/math/total', made.text, 'null\n{"value":1}\n')
  await vi.waitFor(() => expect(said()).toBe('{"value":1}\n'), 20_000)
  await at.tokens.revoke(made.token.id)
  sent.write('{"value":4}\n')
  await once(reply, 'end')
  expect(said()).not.toContain('"value":5')
  expect(said()).toContain('"code":"unauthenticated"')
  sent.destroy()
})

it.each([
  ['no message reaches a handler', (sent: ClientRequest) => void sent.write('{"value":4}\n')],
  ['no result passes', (sent: ClientRequest) => void sent.end()],
])('%s once its token is revoked', async (_, next) => {
  at.summed.length = 0
  const made = await at.tokens.create({ scope: { call: ['service:math.*'] }, lifetimeMs: 60_000 })
  const { sent, reply, said } = await open('/v1/stream/math/sum', made.text, 'null\n{"value":1}\n')
  await vi.waitFor(() => expect(at.summed).toEqual([1]), 20_000)
  await at.tokens.revoke(made.token.id)
  next(sent)
  await once(reply, 'end')
  expect(said()).toContain('"code":"unauthenticated"')
  expect(said()).not.toContain('"end"')
  expect(at.summed).toEqual([1])
  sent.destroy()
})

it('streams end with an error when the agent stops, and a client that does not read holds nothing up', async () => {
  const { reply, said } = await open('/v1/stream/math/total', token, 'null\n{"value":1}\n')
  await vi.waitFor(() => expect(said()).toBe('{"value":1}\n'), 20_000)
  const stuck = await open('/v1/stream/math/count', token, '{"to":1000000}\n')
  stuck.reply.pause()
  const ended = once(reply, 'end')
  at.gateway.refuse()
  await at.desk.stop()
  await ended
  expect(said()).toMatch(/\n\{"error":.*\}\n$/)
  await at.gateway.stop()
})
