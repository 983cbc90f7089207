/** Members without OpenTelemetry, here with `tracing: false`, between members that trace. */
import { defineService, type Agent } from '@agent-mesh/agent'
import { context, trace } from '@opentelemetry/api'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { Traced } from '../support/traced.ts'

const plain = { params: z.string(), result: z.string() }
const back = defineService({ name: 'back', version: 1, methods: { read: plain } })
const front = defineService({ name: 'front', version: 1, methods: { fetch: plain } })

let traced: Traced
let mesh: LocalMesh
let caller: Agent
let quiet: Agent<[typeof back]>
let last: Agent
beforeAll(async () => {
  traced = Traced.start()
  mesh = await LocalMesh.start()
  await mesh.grant({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
  await mesh.relay('relay-1')
  last = await mesh.agent({ name: 'last' })
  last.serve({ contract: back, handlers: { read: (id, { trace: parent }) => `${id} ${parent?.traceId}` } })
  last.expose({ name: 'end', to: pipe => void pipe.resume().end('end') })
  quiet = await mesh.agent({ name: 'quiet', contracts: [back], tracing: false })
  quiet.expose({
    name: 'report',
    to: async pipe => void pipe.resume().end(await quiet.call('back.read', 'port')),
  })
  quiet.serve({ contract: front, handlers: { fetch: () => readAll(quiet, 'last', 'end') } })
  caller = await mesh.agent({ name: 'caller' })
  await Promise.all([caller.waitFor(front), quiet.waitFor(back)])
})
afterAll(async () => {
  await mesh.stop()
  traced.stop()
})

/** What a port sends. A pipe with a half that is open or not read holds up the stop of its agent. */
async function readAll(agent: Agent, peer: string, port: string): Promise<string> {
  const pipe = await agent.connect(peer, port)
  pipe.end()
  return text(pipe)
}

/** @returns what work within a span gave, and the id of its trace */
async function within<T>(work: () => Promise<T>): Promise<{ gave: T; traceId: string }> {
  const span = trace.getTracer('test').startSpan('program')
  const gave = await context.with(trace.setSpan(context.active(), span), work)
  span.end()
  return { gave, traceId: span.spanContext().traceId }
}

test('a call that the handler of a port makes continues the trace of its caller', async () => {
  const { gave, traceId } = await within(() => readAll(caller, 'quiet', 'report'))
  expect(gave).toBe(`port ${traceId}`)
})

test('a call that the handler of a topic makes continues the trace of the publisher', async () => {
  const heard: string[] = []
  await quiet.subscribe('news', {
    onMessage: async () => void heard.push(await quiet.call('back.read', 'topic')),
  })
  const published = async () => {
    const { gave, traceId } = await within(() => caller.publish('news', 'x', { acks: 1, timeout: 500 }))
    expect(gave.acks).toBe(1)
    return traceId
  }
  const traceId = await vi.waitFor(published, 20_000)
  expect(heard).toContain(`topic ${traceId}`)
})

test('a pipe that the handler of a call opens continues the trace of its caller', async () => {
  const { gave, traceId } = await within(() => caller.service(front).fetch('x'))
  expect(gave).toBe('end')
  await vi.waitFor(() => {
    const opened = traced.spans.filter(({ name }) => name === 'connect end')
    expect(opened.map(span => span.spanContext().traceId)).toEqual([traceId])
  }, 20_000)
})

test('what a member does by itself afterwards is in no trace', async () => {
  await within(() => readAll(caller, 'quiet', 'report'))
  expect(await quiet.call('back.read', 'own')).toBe('own undefined')
})
