import { defineService, type Agent } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'
import { Traced } from '../support/traced.ts'

const plain = { params: z.string(), result: z.string() }
const front = defineService({ name: 'front', version: 1, methods: { page: plain } })
const back = defineService({ name: 'back', version: 1, methods: { read: plain, fail: plain } })
const feed = defineService({
  name: 'feed',
  version: 1,
  methods: { pages: { params: z.string(), yields: z.string(), result: z.number() } },
})

let traced: Traced
let mesh: LocalMesh
let caller: Agent<[typeof front, typeof back]>
let middle: Agent<[typeof back]>
let last: Agent
beforeAll(async () => {
  traced = Traced.start()
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
  last = await mesh.agent({ name: 'last' })
  last.serve({
    contract: back,
    handlers: {
      read: (id, { trace: parent }) => `${id} ${parent?.traceId}`,
      fail: id => {
        if (id === 'missing') throw new MeshError('not_found', 'Cannot read: it is missing')
        if (id === 'odd') return Number.NaN as never
        throw new Error(`secret ${id}`)
      },
    },
  })
  middle = await mesh.agent({ name: 'middle', contracts: [back] })
  middle.serve({
    contract: front,
    handlers: {
      page: async id => {
        await new Promise(resolve => setImmediate(resolve))
        return middle.call('back.read', id)
      },
    },
  })
  middle.serve({
    contract: feed,
    handlers: {
      pages: async function* (id) {
        if (id === 'none') throw new MeshError('not_found', 'Cannot read: there are none')
        for (const n of [1, 2]) yield await middle.call('back.read', `${id}${n}`)
        return 2
      },
    },
  })
  caller = await mesh.agent({ name: 'caller', contracts: [front, back] })
  await Promise.all([caller.waitFor(front), caller.waitFor(feed), caller.waitFor(back), middle.waitFor(back)])
})
afterEach(() => traced.reset())
afterAll(async () => {
  await mesh.stop()
  traced.stop()
})

/** Every handler's span ends before its caller's; the callee is in this process. */
const spans = (count: number) =>
  vi.waitFor(() => {
    expect(traced.spans).toHaveLength(count)
    return traced.spans
  }, 20_000)

describe('with OpenTelemetry set up', () => {
  test('one trace leads from the program over caller and callee to the callee of the callee', async () => {
    const span = trace.getTracer('test').startSpan('program')
    const answer = await context.with(trace.setSpan(context.active(), span), () =>
      caller.call('front.page', 'x'),
    )
    span.end()
    const { traceId } = span.spanContext()
    expect(answer).toBe(`x ${traceId}`)
    const ended = await spans(5)
    expect(new Set(ended.map(each => each.spanContext().traceId))).toEqual(new Set([traceId]))
    const chain = ['back/read 1', 'back/read 2', 'front/page 1', 'front/page 2', 'program 0']
    expect(ended.map(({ name, kind }) => `${name} ${kind}`)).toEqual(chain)
    for (const [at, parent] of ended.slice(1).entries())
      expect(ended[at]!.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    expect(ended[0]!.attributes).toEqual({
      'rpc.system': 'agent_mesh',
      'rpc.service': 'back',
      'rpc.method': 'read',
      'agent_mesh.peer.id': middle.peerId,
    })
    expect(ended[1]!.attributes).toMatchObject({ 'agent_mesh.peer.id': last.peerId })
  })

  test('a stream has a span at each end, and what its handler calls between two messages is a child', async () => {
    const seen: string[] = []
    const span = trace.getTracer('test').startSpan('program')
    const stream = context.with(trace.setSpan(context.active(), span), () => caller.service(feed).pages('p'))
    for await (const page of stream) seen.push(page)
    span.end()
    const { traceId } = span.spanContext()
    expect(seen).toEqual([`p1 ${traceId}`, `p2 ${traceId}`])
    const ended = await spans(7)
    const named = (name: string) => ended.filter(each => `${each.name} ${each.kind}` === name)
    const [[served], [called]] = [named('feed/pages 1'), named('feed/pages 2')]
    const parents = named('back/read 2').map(({ parentSpanContext }) => parentSpanContext?.spanId)
    expect(parents).toEqual([served?.spanContext().spanId, served?.spanContext().spanId])
    expect(served?.parentSpanContext?.spanId).toBe(called?.spanContext().spanId)
    expect(called?.parentSpanContext?.spanId).toBe(span.spanContext().spanId)
    expect(called?.attributes).toMatchObject({ 'agent_mesh.peer.id': middle.peerId })
  })

  test('a stream that fails or is cancelled says so', async () => {
    await refusal(caller.service(feed).pages('none').result)
    const left = caller.service(feed).pages('p')
    left.cancel()
    await refusal(left.result)
    await vi.waitFor(() => {
      const client = traced.spans.filter(({ kind }) => kind === SpanKind.CLIENT)
      const types = client
        .filter(({ name }) => name === 'feed/pages')
        .map(each => each.attributes['error.type'])
      expect(types).toEqual(['not_found', 'cancelled'])
    }, 20_000)
  })

  test('a failure is an error of the caller, and of the callee when it is its fault', async () => {
    await refusal(caller.call('back.fail', 'x'))
    await refusal(caller.call('back.fail', 'missing'))
    await refusal(caller.call('back.fail', 'odd'))
    await refusal(caller.call('back.fail', 7 as never))
    const ended = (await spans(7)).map(({ kind, status, attributes }) => [
      kind,
      attributes['error.type'],
      status.code,
      attributes['agent_mesh.peer.id'],
    ])
    expect(ended).toEqual([
      [SpanKind.SERVER, 'internal', SpanStatusCode.ERROR, caller.peerId],
      [SpanKind.CLIENT, 'internal', SpanStatusCode.ERROR, last.peerId],
      [SpanKind.SERVER, 'not_found', SpanStatusCode.UNSET, caller.peerId],
      [SpanKind.CLIENT, 'not_found', SpanStatusCode.ERROR, last.peerId],
      [SpanKind.SERVER, 'application', SpanStatusCode.ERROR, caller.peerId],
      [SpanKind.CLIENT, 'application', SpanStatusCode.ERROR, last.peerId],
      [SpanKind.CLIENT, 'invalid_argument', SpanStatusCode.ERROR, undefined],
    ])
    expect(JSON.stringify(traced.spans.map(({ status, attributes }) => [status, attributes]))).not.toContain(
      'secret',
    )
  })

  test('each call of callAll has a span', async () => {
    const { results } = await caller.callAll('back.read', 'x')
    expect(results).toHaveLength(1)
    expect((await spans(2)).map(({ kind }) => kind)).toEqual([SpanKind.SERVER, SpanKind.CLIENT])
  })

  test('a pipe to a port has a span at both ends, and calls of its handler are children of it', async () => {
    await mesh.grant({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
    middle.expose({
      name: 'report',
      to: async pipe => void pipe.end(await middle.call('back.read', 'x')),
    })
    middle.expose({ name: 'closed', to: { port: await freePort() } })
    const opened = async () => text(await caller.connect('middle', 'report'))
    // Until the grant has arrived, the policy denies it.
    await vi.waitFor(opened, 20_000)
    const served = () =>
      traced.spans.some(({ name, kind }) => name === 'connect report' && kind === SpanKind.SERVER)
    await vi.waitFor(() => expect(served()).toBe(true), 20_000)
    traced.reset()
    const said = await opened()
    const ended = await spans(4)
    const byName = Object.fromEntries(ended.map(span => [`${span.name} ${span.kind}`, span]))
    const chain = ['connect report 2', 'connect report 1', 'back/read 2', 'back/read 1'].map(
      name => byName[name],
    )
    expect(said).toBe(`x ${chain[0]?.spanContext().traceId}`)
    for (const [at, parent] of chain.slice(0, -1).entries())
      expect(chain[at + 1]?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId)
    expect(chain[0]?.attributes).toEqual({
      'agent_mesh.port': 'report',
      'agent_mesh.peer.id': middle.peerId,
    })
    traced.reset()
    expect(await refusal(caller.connect('middle', 'closed'))).toContain('unavailable')
    const failed = (await spans(2)).map(({ kind, attributes }) => [kind, attributes['error.type']])
    expect(failed.sort()).toEqual([
      [SpanKind.SERVER, 'unavailable'],
      [SpanKind.CLIENT, 'unavailable'],
    ])
  })

  test('a message of a topic leads from the span of its publisher to that of its handler', async () => {
    const heard: string[] = []
    const ready = await last.subscribe('news', {
      onMessage: async ({ value, trace: parent }) => {
        if (value === 'first') return
        if (value === 'bad') throw new MeshError('not_found', 'Cannot handle: nothing is there')
        heard.push(`${String(value)} ${parent?.traceId}`, (await middle.call('back.read', 'y')).slice(0, 1))
      },
    })
    await vi.waitFor(async () => {
      expect((await caller.publish('news', 'first', { acks: 1, timeout: 500 })).acks).toBe(1)
    }, 20_000)
    traced.reset()
    const span = trace.getTracer('test').startSpan('program')
    await context.with(trace.setSpan(context.active(), span), () => caller.publish('news', 'x'))
    const ended = await spans(4)
    const byName = Object.fromEntries(ended.map(each => [`${each.name} ${each.kind}`, each]))
    const chain = ['publish news 3', 'process news 4', 'back/read 2', 'back/read 1'].map(name => byName[name])
    expect(heard).toEqual([`x ${span.spanContext().traceId}`, 'y'])
    let parent = span.spanContext().spanId
    for (const each of chain) {
      expect(each?.parentSpanContext?.spanId).toBe(parent)
      parent = each!.spanContext().spanId
    }
    expect(chain[1]?.attributes).toEqual({
      ...{ 'messaging.system': 'agent_mesh', 'messaging.destination.name': 'news' },
      ...{ 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' },
      'agent_mesh.peer.id': caller.peerId,
    })
    traced.reset()
    expect((await caller.publish('news', 'bad', { acks: 1, timeout: 300 })).acks).toBe(0)
    expect((await spans(2)).map(({ attributes }) => attributes['error.type']).sort()).toEqual([
      'not_found',
      undefined,
    ])
    ready.close()
  })

  test('an agent with tracing: false makes none, and continues the trace of its caller', async () => {
    const quiet = await mesh.agent({ name: 'quiet', contracts: [back], tracing: false })
    const relayed = defineService({ name: 'relayed', version: 1, methods: { page: plain } })
    quiet.serve({ contract: relayed, handlers: { page: id => quiet.call('back.read', id) } })
    await Promise.all([caller.waitFor(relayed), quiet.waitFor(back)])
    const answer = await caller.service(relayed).page('x')
    const ended = await spans(2)
    const traceIds = ended.map(each => each.spanContext().traceId)
    expect(ended.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['back/read 1', 'relayed/page 2'])
    expect(traceIds).toEqual([traceIds[0], traceIds[0]])
    expect(answer).toBe(`x ${traceIds[0]}`)
  })

  test('another value of tracing is refused', async () => {
    expect(await refusal(mesh.agent({ name: 'other', tracing: 'on' as never }))).toContain(
      'invalid_argument: Cannot start: tracing is on',
    )
  })
})
