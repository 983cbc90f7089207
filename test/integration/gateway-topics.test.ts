/** Topics over the gateway: publish, subscribe as lines and as events, within scope and policy. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'

let at: GatewayMesh
let token: string
beforeAll(async () => {
  const allow = ['publish', 'subscribe'] as const
  at = await GatewayMesh.start({ from: ['role:agent'], to: ['topic:alerts.*'], allow: [...allow] })
  token = await at.topicsToken('app', 'topic:*')
})
afterAll(() => at.stop())

/** Subscribes, and waits until the agent has. */
async function subscribe(path: string, { by = token, accept = 'application/x-ndjson' } = {}) {
  const sent = request(`${at.gateway.url}/v1/topics/${path}`, {
    headers: { authorization: `Bearer ${by}`, accept },
    agent: false,
  })
  sent.on('error', () => {}).end()
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  reply.on('error', () => {}).on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { sent, reply, said: () => text }
}

it('a message of another member is a line, and one of the program reaches another member', async () => {
  const { sent, reply, said } = await subscribe('alerts.*?retained=false')
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
  await vi.waitFor(async () => {
    await at.server.publish('alerts.disk', { free: 12 })
    expect(said()).toContain('alerts.disk')
  }, 20_000)
  expect(JSON.parse(said().split('\n')[0]!)).toMatchObject({
    topic: 'alerts.disk',
    value: { free: 12 },
    from: { name: 'server', peerId: at.server.peerId },
    retained: false,
    lost: 0,
  })
  sent.destroy()

  const there = await at.server.subscribe('alerts.app')
  const read: unknown[] = []
  const reading = (async () => {
    for await (const { value, from } of there) read.push([value, from.name])
  })()
  // The publisher learns of the subscription after the subscriber.
  await vi.waitFor(async () => {
    const answer = await at.ask('/v1/topics/alerts.app?acks=1&timeout=1s', jsonBody(token, [1]))
    expect([answer.status, answer.json()]).toEqual([200, { acks: 1 }])
  }, 20_000)
  expect(read.at(-1)).toEqual([[1], 'desk'])
  await there.close()
  await reading
})

it('the last value that was retained comes first, as an event, and bytes in base64', async () => {
  const body = Uint8Array.of(0, 255)
  const bytes = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream', body }
  expect((await at.ask('/v1/topics/alerts.kept', { ...bytes, 'mesh-retain': 'true' })).status).toBe(200)
  const { sent, reply, said } = await subscribe('alerts.kept', { accept: 'text/event-stream' })
  expect(reply.headers['content-type']).toBe('text/event-stream')
  await vi.waitFor(() => expect(said()).toMatch(/^event: message\ndata: \{.*\}\n\n$/), 20_000)
  expect(said()).toContain('"bytes":"AP8="')
  sent.destroy()
})

it.each([
  ['/v1/topics/', 404],
  ['/v1/topics/alerts.*', 404],
  ['/v1/topics/%zz', 404],
  ['/v1/topics/alerts.a?retain=maybe', 400],
  ['/v1/topics/alerts.a?acks=-1', 400],
  ['/v1/topics/alerts.a?group=x', 400],
])('publishing to %s is refused', async (path, status) => {
  expect((await at.ask(path, jsonBody(token, 1))).status).toBe(status)
})

it('a message that is empty or too large is refused', async () => {
  expect((await at.ask('/v1/topics/alerts.a', { ...jsonBody(token, 1), body: '' })).status).toBe(400)
  expect((await at.ask('/v1/topics/alerts.a', jsonBody(token, 'x'.repeat(70_000)))).status).toBe(413)
})

it('topics outside of the scope or of the policy are refused and on record here', async () => {
  const narrow = await at.topicsToken('narrow', 'topic:alerts.disk')
  for (const [path, by] of [
    ['alerts.other', narrow],
    ['secrets', token],
  ] as const) {
    const published = await at.ask(`/v1/topics/${path}`, jsonBody(by, 1))
    const subscribed = await subscribe(path, { by })
    expect([published.status, subscribed.reply.statusCode], path).toEqual([403, 403])
  }
  expect((await subscribe('alerts.*', { by: narrow })).reply.statusCode).toBe(403)
  await vi.waitFor(async () => {
    const denied = (await at.denials('desk')).map(({ detail }) => detail)
    for (const action of ['publish', 'subscribe']) {
      const ofNarrow = { app: 'narrow', by: 'scope', action, target: 'topic:alerts.other' }
      expect(denied).toContainEqual(ofNarrow)
      expect(denied).toContainEqual({ app: 'app', by: 'policy', action, target: 'topic:secrets' })
    }
  }, 20_000)
})

it('no message passes once the token is revoked', async () => {
  const scope = { subscribe: ['topic:alerts.*'] }
  const made = await at.tokens.create({ scope, lifetimeMs: 600_000 })
  const { reply, said } = await subscribe('alerts.revoked?retained=false', { by: made.text })
  await at.tokens.revoke(made.token.id)
  const ended = once(reply, 'end')
  await vi.waitFor(async () => {
    await at.server.publish('alerts.revoked', 'secret')
    expect(said()).toContain('"code":"unauthenticated"')
  }, 20_000)
  await ended
  expect(said()).not.toContain('secret')
})

it('OpenAPI has topics for tokens that may use them', async () => {
  const pathsOf = async (by: string) => {
    const asked = { method: 'GET', authorization: `Bearer ${by}` }
    return (await at.ask('/v1/openapi.json', asked)).json()['paths']
  }
  const narrow = { publish: ['topic:alerts.disk'] }
  const { text } = await at.tokens.create({ scope: narrow, lifetimeMs: 600_000 })
  expect(await pathsOf(text)).toEqual({
    '/v1/topics/{topic}': {
      parameters: [expect.objectContaining({ name: 'topic' })],
      post: expect.objectContaining({ 'x-agent-mesh-targets': narrow.publish }) as object,
    },
  })
  expect(await pathsOf(await at.token('calls', 'service:math.*'))).not.toHaveProperty('/v1/topics/{topic}')
})
