/** Topics over `GET /v1/ws`: a program publishes and subscribes, within scope and policy. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'

import { GatewayMesh } from '../support/gateway-mesh.ts'
import { SocketProgram } from '../support/program-socket.ts'

let at: GatewayMesh
let token: string
let program: SocketProgram
beforeAll(async () => {
  at = await GatewayMesh.start({
    from: ['role:agent'],
    to: ['topic:alerts.*'],
    allow: ['publish', 'subscribe'],
  })
  token = await at.topicsToken('app', 'topic:*')
  program = await SocketProgram.open(at.gateway.url, token)
})
afterAll(() => at.stop())

const messagesOf = (of: SocketProgram, id: number) =>
  of.got.filter(each => each['id'] === id && each['message'] !== undefined).map(({ message }) => message)

it('a program subscribes, is sent what others publish, and ends it', async () => {
  program.say({ id: 1, subscribe: 'alerts.*', retained: false })
  expect(await program.heard({ id: 1 })).toEqual({ id: 1, subscribed: 'alerts.*' })
  await vi.waitFor(async () => {
    await at.server.publish('alerts.there', { free: 12 })
    expect(messagesOf(program, 1)).not.toEqual([])
  }, 20_000)
  const from = { peerId: at.server.peerId, name: 'server' }
  const first = { topic: 'alerts.there', from, value: { free: 12 }, retained: false, lost: 0 }
  expect(messagesOf(program, 1)[0]).toEqual({ ...first, at: expect.any(Number) as number })
  program.say({ id: 1, cancel: true })
  expect(await program.heard({ id: 1, end: undefined })).toEqual({ id: 1, end: {} })
  // The id is free again.
  program.say({ id: 1, subscribe: 'alerts.there' })
  await vi.waitFor(() => expect(program.got.filter(each => 'subscribed' in each)).toHaveLength(2), 20_000)
  program.say({ id: 1, subscribe: 'alerts.there' })
  expect(await program.heard({ id: 1, error: undefined })).toMatchObject({ error: { code: 'conflict' } })
})

it('what a program publishes arrives in its order, with acknowledgements and bytes', async () => {
  const there = await at.server.subscribe('alerts.order')
  const read: unknown[] = []
  const reading = (async () => {
    for await (const { value } of there) read.push(value)
  })()
  let id = 100
  // The publisher learns of the subscription after the subscriber.
  await vi.waitFor(async () => {
    program.say({ id: ++id, publish: 'alerts.order', value: 'known?', acks: 1, timeoutMs: 1_000 })
    expect(await program.heard({ id })).toEqual({ id, end: { value: { acks: 1 } } })
  }, 30_000)
  read.length = 0
  for (let value = 0; value < 20; value++) program.say({ id: ++id, publish: 'alerts.order', value })
  program.say({ id: ++id, publish: 'alerts.order', bytes: 'AP8=' })
  await vi.waitFor(() => expect(read).toHaveLength(21), 20_000)
  expect(read).toEqual([...Array.from({ length: 20 }, (_, value) => value), Uint8Array.of(0, 255)])
  await there.close()
  await reading
})

it('the last value comes first to a program that subscribes later', async () => {
  program.say({ id: 200, publish: 'alerts.last', value: 7, retain: true })
  expect(await program.heard({ id: 200 })).toEqual({ id: 200, end: { value: { acks: 0 } } })
  program.say({ id: 201, subscribe: 'alerts.last' })
  await vi.waitFor(
    () => expect(messagesOf(program, 201)).toMatchObject([{ value: 7, retained: true }]),
    20_000,
  )
})

it.each([
  [{ publish: 'alerts.a' }, 'invalid_argument'],
  [{ publish: 'alerts.a', value: 'x'.repeat(70_000) }, 'too_large'],
  [{ publish: 'mesh.cache', value: 1 }, 'invalid_argument'],
  [{ subscribe: 'secrets' }, 'permission_denied'],
  [{ publish: 'secrets', value: 1 }, 'permission_denied'],
])('%j is refused with %s', async (said, code) => {
  const other = await SocketProgram.open(at.gateway.url, token)
  other.say({ id: 1, ...said })
  expect(await other.heard({ id: 1 })).toMatchObject({ error: { code, retryable: false } })
  await other.close()
})

it.each([
  { publish: 'alerts.*', value: 1 },
  { subscribe: 'alerts.*x' },
  { subscribe: 'alerts.a', group: '' },
])('%j is no message', async said => {
  const wrong = await SocketProgram.open(at.gateway.url, token)
  wrong.say({ id: 1, ...said })
  expect(await wrong.closed).toEqual([1008, 'invalid_argument'])
})

it('a topic outside of the scope is refused, on record once', async () => {
  const narrow = await SocketProgram.open(
    at.gateway.url,
    await at.topicsToken('by-socket', 'topic:alerts.disk'),
  )
  narrow.say({ id: 1, subscribe: 'alerts.*' })
  narrow.say({ id: 2, publish: 'alerts.other', value: 1 })
  for (const id of [1, 2])
    expect(await narrow.heard({ id })).toMatchObject({ error: { code: 'permission_denied' } })
  await vi.waitFor(async () => {
    const denied = (await at.denials('desk')).map(({ detail }) => detail)
    const ofProgram = denied.filter(detail => detail?.['app'] === 'by-socket')
    expect(ofProgram).toEqual([
      { app: 'by-socket', by: 'scope', action: 'subscribe', target: 'topic:alerts.*' },
      { app: 'by-socket', by: 'scope', action: 'publish', target: 'topic:alerts.other' },
    ])
  }, 20_000)
  await narrow.close()
})

it('a program that does not read loses the oldest messages, and learns how many', async () => {
  const slow = await SocketProgram.open(at.gateway.url, token)
  slow.say({ id: 1, subscribe: 'alerts.flood', retained: false })
  await slow.heard({ id: 1 })
  // What the buffers of a connection hold, too, 10 MB or so.
  const total = gatewayDefaults.waitingMessages + 344
  const padding = 'x'.repeat(60_000)
  slow.socket.pause()
  for (let sent = 0; sent < total;) {
    const batch = Array.from({ length: 40 }, () => at.desk.publish('alerts.flood', { sent: sent++, padding }))
    await Promise.all(batch)
  }
  slow.socket.resume()
  const last = () => messagesOf(slow, 1).at(-1) as { value: { sent: number } } | undefined
  await vi.waitFor(() => expect(last()?.value.sent).toBe(total - 1), 60_000)
  const messages = messagesOf(slow, 1) as { lost: number }[]
  const lost = messages.reduce((sum, message) => sum + message.lost, 0)
  expect(lost).toBeGreaterThan(0)
  expect(messages.length + lost).toBe(total)
  await slow.close()
})

it('subscriptions of all sockets of a token count among its requests', async () => {
  const by = await at.topicsToken('many', 'topic:alerts.*')
  const sockets = await Promise.all([1, 2].map(() => SocketProgram.open(at.gateway.url, by)))
  const most = gatewayDefaults.requestsOfToken - sockets.length
  for (let id = 0; id < most; id++) sockets[id % 2]!.say({ id, subscribe: 'alerts.many' })
  const subscribed = () =>
    sockets.flatMap(({ got }) => got).filter(({ subscribed: topic }) => topic !== undefined)
  await vi.waitFor(() => expect(subscribed()).toHaveLength(most), 60_000)
  let id = 1_000
  const oneMore = async () => {
    sockets[0]!.say({ id: ++id, subscribe: 'alerts.many' })
    return sockets[0]!.heard({ id })
  }
  expect(await oneMore()).toMatchObject({ error: { code: 'rate_limited' } })
  await sockets[1]!.close()
  await vi.waitFor(async () => expect(await oneMore()).toHaveProperty('subscribed'), 20_000)
  await sockets[0]!.close()
})

it('a socket whose token is revoked is closed before the next message', async () => {
  const scope = { subscribe: ['topic:alerts.*'] }
  const made = await at.tokens.create({ scope, lifetimeMs: 600_000 })
  const revoked = await SocketProgram.open(at.gateway.url, made.text)
  revoked.say({ id: 1, subscribe: 'alerts.revoked-socket', retained: false })
  await revoked.heard({ id: 1 })
  await at.tokens.revoke(made.token.id)
  let isClosed = false
  const closed = revoked.closed.finally(() => (isClosed = true))
  await vi.waitFor(async () => {
    await at.desk.publish('alerts.revoked-socket', 'secret')
    expect(isClosed).toBe(true)
  }, 20_000)
  expect((await closed)[0]).toBe(1008)
  expect(messagesOf(revoked, 1)).toEqual([])
})
