/** What a program learns of its mesh: members, services, paths and relays, as they come and go. */
import { defineService, type Agent, type AgentEventName, type AgentEvents } from '@agent-mesh/agent'
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod/mini'
import { LocalMesh } from '../support/local-mesh.ts'

const clock = defineService({
  name: 'clock',
  version: 1,
  methods: { now: { params: z.undefined(), result: z.number() } },
})

let mesh: LocalMesh
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

/** The events of one name that an agent tells from now on. */
function gather<Name extends AgentEventName>(agent: Agent, name: Name) {
  const seen: AgentEvents[Name][] = []
  agent.on(name, event => void seen.push(event))
  const find = (wanted: Partial<AgentEvents[Name]>) =>
    vi.waitFor(() => expect(seen).toContainEqual(expect.objectContaining<object>(wanted)), {
      timeout: 20_000,
    })
  return { seen, find }
}

test('an agent tells which members and services come and go, and the paths to them', async () => {
  const relay = await mesh.relay('relay-1')
  const ada = await mesh.agent({ name: 'ada' })
  const ready = gather(ada, 'ready')
  const members = gather(ada, 'member')
  const services = gather(ada, 'service')
  const paths = gather(ada, 'path')
  await ready.find({ relays: [relay.peerId] })

  const ben = await mesh.agent({ name: 'ben' })
  const { peerId } = ben
  await members.find({ peerId, name: 'ben', online: true })
  ben.serve({ contract: clock, handlers: { now: () => 7 } })
  await services.find({ service: 'clock@1', providers: 1 })
  expect(await ada.call('clock.now', undefined, { peer: 'ben' })).toBe(7)
  await vi.waitFor(() => expect(paths.seen.some(path => path.peerId === peerId)).toBe(true), {
    timeout: 20_000,
  })

  await ben.stop()
  await members.find({ peerId, name: 'ben', online: false })
  await services.find({ service: 'clock@1', providers: 0 })
  await paths.find({ peerId, path: undefined })
})

test('an agent that has stopped tells nothing, lets go of its listeners, and takes none', async () => {
  await mesh.relay('relay-1')
  const ada = await mesh.agent({ name: 'ada' })
  const ready = gather(ada, 'ready')
  await vi.waitFor(() => expect(ready.seen).toHaveLength(1), { timeout: 20_000 })
  const { signal } = new AbortController()
  const late: unknown[] = []
  const note = (event: unknown): void => {
    if (hasStopped(ada)) late.push(event)
  }
  for (const name of ['member', 'service', 'path', 'ready'] as const) ada.on(name, note, { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(4)
  await ada.stop()
  expect([late, getEventListeners(signal, 'abort')]).toEqual([[], []])
  expect(() => ada.on('member', note)).toThrow(expect.objectContaining({ code: 'going_away' }) as Error)
})

function hasStopped(agent: Agent): boolean {
  try {
    agent.peers()
    return false
  } catch {
    return true
  }
}
