import type { HealthDigest } from '@agent-mesh/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { HomedHealth } from './homed-health.ts'

const stream = {}
/** Services of the agents homed here, by peer id, which is their name, too. */
let online: Map<string, string[]>
let health: HomedHealth

beforeEach(() => {
  online = new Map([
    ['ada', ['host@1', 'math@1']],
    ['ben', ['host@1', 'math@1', 'png@2']],
  ])
  health = new HomedHealth({
    peers: () => [...online.keys()],
    member: name => ({ name, services: online.get(name) ?? [] }),
  })
})

const digest = (percent: number, changes: Partial<HealthDigest> = {}): HealthDigest => ({
  serving: true,
  ready: true,
  checks: [],
  load: [['math@1', percent, 3, 0]],
  ...changes,
})

describe('HomedHealth', () => {
  test('counts agents of earlier versions, which report nothing, and takes no load from them', () => {
    health.set('ada', digest(40), stream)
    expect(health.report().services).toEqual([
      ['math@1', 2, 2, 1, 40, 3, 0],
      ['png@2', 1, 1, 0, 0, 0, 0],
    ])
  })

  test('takes the mean of load, the sum of what was shed, and the longest wait', () => {
    health.set('ada', digest(40, { load: [['math@1', 40, 3, 10]] }), stream)
    health.set('ben', digest(80, { load: [['math@1', 80, 9, 20]] }), stream)
    expect(health.report().services[0]).toEqual(['math@1', 2, 2, 2, 60, 9, 30])
  })

  test('counts no agent that leaves, and no load of one that is not ready', () => {
    health.set('ada', digest(100, { serving: false }), stream)
    health.set('ben', digest(100, { ready: false }), stream)
    expect(health.report().services[0]).toEqual(['math@1', 1, 0, 0, 0, 0, 0])
  })

  test('says which checks do not pass, at how many, and some names; the failing ones first', () => {
    online = new Map(['a', 'b', 'c', 'd', 'e'].map(name => [name, []]))
    for (const name of 'abcd') health.set(name, digest(0, { checks: [['disk', 'warning']] }), stream)
    health.set('e', digest(0, { checks: [['queue', 'failing']] }), stream)
    expect(health.report().checks).toEqual([
      ['queue', 'failing', 1, ['e']],
      ['disk', 'warning', 4, ['a', 'b', 'c']],
    ])
  })

  test('forgets an agent with its stream, not with an earlier one', () => {
    const newer = {}
    health.set('ada', digest(40), stream)
    health.set('ada', digest(50), newer)
    health.remove('ada', stream)
    expect(health.report().services[0]?.[4]).toBe(50)
    health.remove('ada', newer)
    expect(health.report().services[0]?.[3]).toBe(0)
  })

  test('has moved with ten percent of load, a provider more or less, calls shed, or a check; not with less', () => {
    const set = (percent: number, changes: Partial<HealthDigest> = {}) =>
      health.set('ada', digest(percent, changes), stream)
    set(40)
    health.report()
    set(49)
    expect(health.moved).toBe(false)
    set(50)
    expect(health.moved).toBe(true)
    health.report()
    expect(health.moved).toBe(false)
    set(50, { load: [['math@1', 50, 0, 6]] })
    expect(health.moved).toBe(true)
    set(50, { checks: [['disk', 'warning']] })
    expect(health.moved).toBe(true)
    set(50)
    online.delete('ben')
    expect(health.moved).toBe(true)
  })
})
