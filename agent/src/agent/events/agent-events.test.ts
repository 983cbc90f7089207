import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { Listeners } from '../../core/listeners.ts'
import { EventListeners, type AgentEvents, type EventWatches } from './agent-events.ts'
import type { MemberEvent } from './online-changes.ts'

const ada = { peerId: '12D3ada', name: 'ada', online: true }

let logged: unknown[]
let members: Listeners<MemberEvent>
let watching: number
let events: EventListeners

beforeEach(() => {
  logged = []
  watching = 0
  members = new Listeners<MemberEvent>(error => {
    throw error
  })
  const none = () => () => undefined
  const watches: EventWatches = {
    member: emit => {
      watching++
      const stop = members.add(emit)
      return () => {
        watching--
        stop()
      }
    },
    ...{ service: none, path: none, breaker: none, ready: none },
  }
  const error = (...args: unknown[]) => void logged.push((args[0] as { err: unknown }).err)
  events = new EventListeners({ watches, log: { error } as never })
})

describe('on()', () => {
  it('calls each listener with its own event, typed, until it is taken off', () => {
    const seen: string[] = []
    const off = events.on('member', event => {
      expectTypeOf(event).toEqualTypeOf<AgentEvents['member']>()
      seen.push(event.name)
    })
    events.on('member', ({ online }) => void seen.push(String(online)))
    members.emit(ada)
    off()
    off()
    members.emit(ada)
    expect(seen).toEqual(['ada', 'true', 'true'])
    expect(watching).toBe(1)
  })

  it('logs what a listener throws, at once or later, and calls the others', async () => {
    const seen: string[] = []
    const failure = new Error('broken')
    events.on('member', () => {
      throw failure
    })
    events.on('member', () => Promise.reject(failure) as never)
    events.on('member', ({ name }) => void seen.push(name))
    members.emit(ada)
    await vi.waitUntil(() => logged.length === 2, { timeout: 20_000 })
    expect([seen, logged]).toEqual([['ada'], [failure, failure]])
  })

  it('ends with its signal, and leaves nothing on it when it ends before', () => {
    const controller = new AbortController()
    const { signal } = controller
    const seen: unknown[] = []
    const off = events.on('member', event => void seen.push(event), { signal })
    off()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    events.on('member', event => void seen.push(event), { signal })
    controller.abort()
    events.on('member', event => void seen.push(event), { signal })
    members.emit(ada)
    expect([seen, watching]).toEqual([[], 0])
  })

  it('calls no listener any more that another one of the same event took off', () => {
    const offs: (() => void)[] = []
    const seen: string[] = []
    for (const name of ['first', 'second'])
      offs.push(
        events.on('member', () => {
          seen.push(name)
          for (const off of offs) off()
        }),
      )
    members.emit(ada)
    expect([seen, watching]).toEqual([['first'], 0])
  })

  it('watches nothing once the agent has stopped', () => {
    const { signal } = new AbortController()
    events.on('member', () => undefined, { signal })
    events.on('member', () => undefined)
    events.stop()
    events.stop()
    expect([watching, getEventListeners(signal, 'abort').length]).toEqual([0, 0])
  })

  it('refuses events that there are not, and what is no listener', () => {
    const invalid = (message: string) =>
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(message) as string,
      })
    expect(() => events.on('toString' as never, () => undefined)).toThrow(
      invalid("Cannot listen to 'toString'") as Error,
    )
    expect(() => events.on('member', 5 as never)).toThrow(invalid('no function') as Error)
  })
})
