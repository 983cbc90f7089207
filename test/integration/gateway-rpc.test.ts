/** gRPC, gRPC-Web and Connect at the gateway: calls, streams both ways, errors, deadlines and cancellation. */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { meshRpcs } from '@agent-mesh/cli'
import { create, toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { connectRaw, framed, openRpc, trailersOf } from '../support/raw-rpc.ts'
import { bearer, json, rpcClient, rpcProtocols, type MeshClient } from '../support/rpc-clients.ts'

const { ProblemSchema, SubscribeRequestSchema: subscribeSchema } = await meshRpcs()
let at: GatewayMesh
let grpc: MeshClient
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('robot', 'service:*')
  grpc = rpcClient(at.gateway.url)
})
afterAll(() => at.stop())

const add = { method: 'math.add', params: json({ a: 1, b: 2 }) }

/** How an RPC fails. */
const failure = async (call: Promise<unknown>): Promise<ConnectError> => {
  const error = await call.then(
    () => new Error('it has not failed'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ConnectError)
  return error as ConnectError
}

async function read<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const message of messages) all.push(message)
  return all
}

type Replies = ReturnType<MeshClient['receive']>

/** Messages, then the result. */
const valuesOf = async (replies: Replies): Promise<unknown[]> =>
  (await read(replies)).map(({ part }) => {
    const payload = part.case === 'message' ? part.value : part.value?.result
    return JSON.parse(payload?.json ?? 'null')
  })

describe.each(rpcProtocols)('%s', protocol => {
  const client = () => rpcClient(at.gateway.url, protocol)

  it('calls a method of another member, and says which one answered', async () => {
    const answer = await client().call(add, bearer(token))
    expect(answer).toMatchObject({
      result: { json: '3' },
      peerId: at.server.peerId,
      name: 'server',
      path: 'direct',
    })
  })

  it('reads the messages of a stream, and its result', async () => {
    const asked = { method: 'math.count', params: json({ to: 3 }) }
    expect(await valuesOf(client().receive(asked, bearer(token)))).toEqual([1, 2, 3, 'done'])
  })

  it('is refused without a token, in the form of its errors', async () => {
    const error = await failure(client().call(add))
    expect([error.code, error.metadata.get('mesh-code')]).toEqual([Code.Unauthenticated, 'unauthenticated'])
    const [problem] = error.findDetails(ProblemSchema)
    expect(problem).toMatchObject({ code: 'unauthenticated', retryable: false })
    expect(problem?.hint).toContain('Send it in the header Authorization')
    const stream = await failure(read(client().receive(add, bearer('none'))))
    expect(stream.code).toBe(Code.Unauthenticated)
  })

  it('has the error of a handler, and whether to try again', async () => {
    const error = await failure(client().call({ method: 'math.fail', peer: 'server' }, bearer(token)))
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, 'Cannot do it: too much to do'])
    expect(error.findDetails(ProblemSchema)).toMatchObject([{ code: 'overloaded', retryable: true }])
  })
})

describe.each(['gRPC', 'Connect over HTTP/2'] as const)('%s', protocol => {
  it('sends messages and reads while it sends', async () => {
    const sent: number[] = []
    const heard = Promise.withResolvers<void>()
    async function* requests() {
      yield { part: { case: 'open' as const, value: { method: 'math.total' } } }
      for (const number of [1, 4]) {
        sent.push(number)
        yield { part: { case: 'message' as const, value: json(number) } }
        // The second is sent when the first is answered.
        await heard.promise
      }
    }
    const values: unknown[] = []
    for await (const { part } of rpcClient(at.gateway.url, protocol).stream(requests(), bearer(token))) {
      const payload = part.case === 'message' ? part.value : part.value?.result
      values.push(JSON.parse(payload?.json ?? 'null'))
      heard.resolve()
    }
    expect([sent, values]).toEqual([
      [1, 4],
      [1, 5, 5],
    ])
  })
})

it('bytes pass as they are, and no value stays none', async () => {
  const sent = { method: 'math@1.reverse', params: { bytes: Uint8Array.of(0, 255, 10) } }
  const { result } = await grpc.call(sent, bearer(token))
  expect([result?.json, [...(result?.bytes ?? [])]]).toEqual([undefined, [10, 255, 0]])
})

it('the program is named to the handler', async () => {
  const { result } = await grpc.call({ method: 'math.whose' }, bearer(token))
  expect(JSON.parse(result?.json ?? '')).toEqual({ app: 'robot' })
})

it('its deadline is that of the call, and cancelling it cancels the handler', async () => {
  const asked = { method: 'math.hang', peer: 'server' }
  const late = await failure(grpc.call(asked, { ...bearer(token), timeoutMs: 200 }))
  expect(late.code).toBe(Code.DeadlineExceeded)
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
  const left = new AbortController()
  const cancelled = failure(grpc.call(asked, { ...bearer(token), signal: left.signal }))
  await vi.waitFor(() => expect(at.hanging.size).toBe(1), 20_000)
  left.abort()
  expect((await cancelled).code).toBe(Code.Canceled)
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
})

it.each([
  ['no method', { method: 'math' }, Code.InvalidArgument],
  ['a service without a provider', { method: 'nothing.at-all' }, Code.Unavailable],
  ['an unknown member', { ...add, peer: 'nobody' }, Code.NotFound],
  ['no JSON', { method: 'math.add', params: { json: '{"a":' } }, Code.InvalidArgument],
  [
    'a number that would become another',
    { method: 'math.add', params: { json: '{"a":9007199254740993,"b":0}' } },
    Code.InvalidArgument,
  ],
  ['an empty name of a member', { ...add, peer: '' }, Code.InvalidArgument],
  ['too much', { method: 'math.whose', params: json('x'.repeat(3 * 1024 * 1024)) }, Code.ResourceExhausted],
])('%s has the code of its error', async (_, request, code) => {
  expect((await failure(grpc.call(request, bearer(token)))).code).toBe(code)
})

it('a stream begins with "open", and has messages after it', async () => {
  const of = (...parts: object[]) =>
    failure(
      read(
        grpc.stream(
          (async function* () {
            yield* parts
          })() as never,
          bearer(token),
        ),
      ),
    )
  const message = { part: { case: 'message', value: json(1) } }
  const open = { part: { case: 'open', value: { method: 'math.total' } } }
  for (const error of [await of(message), await of({}), await of(open, open)])
    expect(error.code).toBe(Code.InvalidArgument)
})

it('no message passes once its token is revoked', async () => {
  const made = await at.tokens.create({ scope: { call: ['service:math.*'] }, lifetimeMs: 600_000 })
  const revoked = Promise.withResolvers<void>()
  at.summed.length = 0
  async function* requests() {
    yield { part: { case: 'open' as const, value: { method: 'math.sum' } } }
    yield { part: { case: 'message' as const, value: json(1) } }
    await revoked.promise
    yield { part: { case: 'message' as const, value: json(4) } }
  }
  const failed = failure(read(grpc.stream(requests(), bearer(made.text))))
  await vi.waitFor(() => expect(at.summed).toEqual([1]), 20_000)
  await at.tokens.revoke(made.token.id)
  revoked.resolve()
  expect((await failed).code).toBe(Code.Unauthenticated)
  expect(at.summed).toEqual([1])
})

it('a program publishes, and another member has it; what the token does not cover is refused', async () => {
  await at.mesh.grant({ from: ['role:agent'], to: ['topic:alerts.*'], allow: ['publish', 'subscribe'] })
  const scope = { publish: ['topic:alerts.*'], subscribe: ['topic:alerts.*'] }
  const { text } = await at.tokens.create({ app: 'alarms', scope, lifetimeMs: 600_000 })
  const publish = () =>
    grpc.publish({ topic: 'alerts.disk', message: json({ free: 12 }), retain: true }, bearer(text))
  // Until the policy has come.
  await vi.waitFor(publish, 90_000)
  for await (const message of grpc.subscribe({ topic: 'alerts.*' }, bearer(text))) {
    expect(message).toMatchObject({
      topic: 'alerts.disk',
      message: { json: '{"free":12}' },
      name: 'desk',
      retained: true,
      lost: 0n,
    })
    break
  }
  const session = connectRaw(at.gateway.url)
  const headers = { 'grpc-timeout': '300m' }
  const late = openRpc(session, { path: '/agentmesh.v1.Mesh/Subscribe', token: text, headers })
  const ended = trailersOf(late)
  late.end(framed(toBinary(subscribeSchema, create(subscribeSchema, { topic: 'alerts.none' }))))
  expect(await ended).toMatchObject({ 'grpc-status': '4' })
  session.close()
  expect((await failure(grpc.publish({ topic: 'other', message: json(1) }, bearer(text)))).code).toBe(
    Code.PermissionDenied,
  )
})

it('describes what the token may call', async () => {
  const { json: described } = await grpc.describe({}, bearer(await at.token('one', 'service:math.add')))
  expect(JSON.parse(described)).toMatchObject({
    services: [{ service: 'math@1', methods: [{ name: 'add' }] }],
  })
})

describe('one port', () => {
  it('answers the other requests over HTTP/2, too', async () => {
    const session = connectHttp2(at.gateway.url)
    const { body, ...headers } = jsonBody(token, { a: 1, b: 2 })
    const sent = session.request({ ':method': 'POST', ':path': '/v1/call/math/add', ...headers })
    sent.end(body)
    const [head] = (await once(sent, 'response')) as [Record<string, unknown>]
    expect([head[':status'], Buffer.concat(await sent.toArray()).toString()]).toEqual([200, '3'])
    const counted = { ':method': 'POST', ':path': '/v1/stream/math/count', ...headers }
    const lines = await session.request(counted).end('{"to":2}').toArray()
    expect(Buffer.concat(lines).toString()).toBe('{"value":1}\n{"value":2}\n{"end":{"value":"done"}}\n')
    const other = session.request({ ':path': '/v1/nothing', authorization: `Bearer ${token}` })
    expect(((await once(other, 'response')) as [Record<string, unknown>])[0][':status']).toBe(404)
    session.close()
  })

  it('answers plain HTTP as before, and curl with Connect', async () => {
    expect((await at.ask('/v1/call/math/add', jsonBody(token, { a: 1, b: 2 }))).text).toBe('3')
    const called = await at.ask('/agentmesh.v1.Mesh/Call', jsonBody(token, add))
    expect([called.status, called.json()]).toEqual([200, expect.objectContaining({ result: { json: '3' } })])
    expect((await at.ask('/agentmesh.v1.Mesh/Nothing', jsonBody(token, {}))).status).toBe(404)
  })
})

it('a call outside of the scope or the policy is refused, and on record', async () => {
  const narrow = await at.token('narrow-rpc', 'service:other.*')
  expect((await failure(grpc.call(add, bearer(narrow)))).code).toBe(Code.PermissionDenied)
  const wide = await at.token('wide-rpc', 'service:*')
  expect((await failure(grpc.call({ method: 'vault.open' }, bearer(wide)))).code).toBe(Code.PermissionDenied)
  await vi.waitFor(async () => {
    const here = await at.denials('desk')
    const by = (app: string) => here.find(({ detail }) => detail?.['app'] === app)?.detail
    expect(by('narrow-rpc')).toMatchObject({ by: 'scope', target: 'service:math.add' })
    expect(by('wide-rpc')).toMatchObject({ by: 'policy', target: 'service:vault.open' })
    const there = (await at.denials('server')).map(({ detail }) => detail?.['app'])
    expect(there).toContain('wide-rpc')
  }, 20_000)
})

it('streams end with an error when the agent stops', async () => {
  const stopped = await GatewayMesh.start()
  try {
    const by = bearer(await stopped.token('robot', 'service:*'))
    const hung = rpcClient(stopped.gateway.url).call({ method: 'math.hang', peer: 'server' }, by)
    const failed = failure(hung)
    await vi.waitFor(() => expect(stopped.hanging.size).toBe(1), 20_000)
    stopped.gateway.refuse()
    await stopped.desk.stop()
    expect([Code.Unavailable, Code.Canceled, Code.Unknown]).toContain((await failed).code)
  } finally {
    await stopped.stop()
  }
})
