import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol'
import { afterEach, beforeEach, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'
import { refusal } from '../../../test/support/refusal.ts'
import { attach, defineTopic } from './index.ts'
import type { AttachedAgent } from './attached-agent.ts'
import { agentStatus, standInAgent } from './testing/stand-in-agent.ts'

const alerts = defineTopic({ name: 'alerts.disk', message: z.object({ free: z.number() }), retain: true })
const message = {
  topic: 'alerts.disk',
  from: { peerId: 'p', name: 'web-1' },
  at: 1,
  retained: false,
  lost: 0,
}
const line = (value: object): string => `${JSON.stringify(value)}\n`

let agent: AttachedAgent
let asked: Record<string, unknown>[]
let stop: () => Promise<void>
let reached: PromiseWithResolvers<void>
let left: PromiseWithResolvers<void>

/** The socket of an agent: what it was asked, and messages, after which it stops if the topic says so. */
beforeEach(async () => {
  asked = []
  reached = Promise.withResolvers<void>()
  left = Promise.withResolvers<void>()
  const standIn = await standInAgent((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/status') return response.end(JSON.stringify(agentStatus))
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      asked.push(body)
      reached.resolve()
      response.once('close', () => left.resolve())
      if (request.url === '/v1/publish') return response.end(JSON.stringify({ acks: 2 }))
      if (body['topic'] === 'silent') return
      if (body['topic'] === 'denied') {
        const problem = problemOf(new MeshError('permission_denied', 'Cannot subscribe topic:denied'))
        return response.writeHead(problem.status).end(JSON.stringify(problem))
      }
      response.write(line({ subscribed: true }))
      response.write(line({ ...message, value: { free: 'odd' } }))
      response.write(line({ ...message, value: { free: 1 } }))
      response.write(line({ ...message, lost: 2, bytes: 'AP8=' }))
      if (body['topic'] === 'stopped') response.end()
    })
  })
  stop = standIn.stop
  agent = await attach({ data: standIn.folder })
})
afterEach(() => stop())

it('publishes what fits the contract, and says how many took it', async () => {
  expect(await agent.publish(alerts, { free: 5 }, { acks: 2, timeout: 9_000 })).toEqual({ acks: 2 })
  await agent.publish('raw', Buffer.from('hi'), { retain: false })
  expect(asked).toEqual([
    { topic: 'alerts.disk', retain: true, acks: 2, timeoutMs: 9_000, value: { free: 5 } },
    { topic: 'raw', retain: false, acks: 0, timeoutMs: 5_000, bytes: 'aGk=' },
  ])
  for (const [topic, value, options, reason] of [
    [alerts, { free: 'x' }, {}, 'invalid_argument: Cannot publish to alerts.disk: free: '],
    ['a b', 1, {}, 'invalid_argument: Cannot publish to'],
    ['a', Number.NaN, {}, 'invalid_argument: Cannot encode message'],
    ['a', 1, { ack: 1 }, 'there is no option ack'],
    [{ ...alerts, version: 2 }, { free: 1 }, {}, 'unsupported: Cannot publish to alerts.disk'],
  ] as const)
    expect(await refusal(agent.publish(topic as never, value as never, options as never))).toContain(reason)
  expect(asked).toHaveLength(2)
})

it('gives the messages that fit, and leaves the agent with the loop', async () => {
  const subscription = await agent.subscribe(alerts, { group: 'pagers' })
  for await (const got of subscription) {
    expectTypeOf(got.value).toEqualTypeOf<{ free: number }>()
    expect(got).toEqual({ ...message, value: { free: 1 } })
    break
  }
  await left.promise
  expect(asked).toEqual([{ topic: 'alerts.disk', group: 'pagers' }])
})

it('ends with its signal or close(), and with an error when the agent stops or refuses', async () => {
  const values = async (topic: string, end?: (close: () => void) => void, signal?: AbortSignal) => {
    const subscription = await agent.subscribe(topic, signal === undefined ? {} : { signal })
    const seen: unknown[] = []
    for await (const { value } of subscription) {
      seen.push(value)
      if (seen.length === 3) end?.(() => subscription.close())
    }
    return seen
  }
  const all = [{ free: 'odd' }, { free: 1 }, Buffer.from('00ff', 'hex')]
  expect(await values('alerts.*', close => close())).toEqual(all)
  const stopping = new AbortController()
  expect(await values('alerts.*', () => stopping.abort(), stopping.signal)).toEqual(all)
  expect(await refusal(values('stopped'))).toBe(
    'unavailable: Cannot subscribe to stopped: the agent has stopped',
  )
  expect(await refusal(values('denied'))).toContain('permission_denied')
  expect(await refusal(agent.subscribe('alerts.'))).toContain('invalid_argument')
  const onMessage = { onMessage: () => undefined }
  expect(await refusal(agent.subscribe('alerts.*', onMessage as never))).toContain('no option onMessage')
})

it('gives nothing once it is closed, of what had come before, too', async () => {
  const early = await agent.subscribe('alerts.*')
  early.close()
  for await (const { value } of early) expect.fail(`a message: ${String(value)}`)
  const later = await agent.subscribe('alerts.*')
  const seen: unknown[] = []
  for await (const { value } of later) {
    seen.push(value)
    later.close()
  }
  expect(seen).toEqual([{ free: 'odd' }])
})

it('ends with its signal while the agent says nothing', async () => {
  const given = new AbortController()
  const refused = refusal(agent.subscribe('silent', { signal: given.signal }))
  await reached.promise
  given.abort()
  expect(await refused).toContain('cancelled: ')
  expect(await refusal(agent.subscribe('silent', { signal: given.signal }))).toContain('cancelled: ')
})

it('a schema that throws refuses that message alone', async () => {
  const message = z.any().check(({ value }) => {
    if ((value as { free: unknown }).free === 'odd') throw new Error('odd')
  })
  const odd = defineTopic({ name: 'alerts.disk', message })
  for await (const { value } of await agent.subscribe(odd)) {
    expect(value).toEqual({ free: 1 })
    break
  }
})
