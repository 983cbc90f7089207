import { pino } from 'pino'
import { beforeEach, expect, it } from 'vitest'
import { Health } from '../health/health.ts'
import { ManualClock } from '../health/testing/manual-clock.ts'
import type { Member } from '../member/member.ts'
import { superviseReach } from './supervise-reach.ts'

const log = pino({ level: 'silent' })
const metrics = { counter: () => {}, gauge: () => {}, gauges: () => {} }

let clock: ManualClock
let health: Health
let reach: { relays: string[]; followsMap: boolean }

beforeEach(() => {
  clock = new ManualClock()
  health = new Health({ log, metrics, now: () => clock.now(), clock })
  reach = { relays: ['relay-1', 'relay-2'], followsMap: true }
  const head = { current: { relays: [{ peerId: 'relay-2', name: 'second' }] } }
  superviseReach({ health, head, metrics } as unknown as Member, {
    linkedRelays: () => reach.relays,
    get followsMap() {
      return reach.followsMap
    },
  })
  health.start()
  return () => health.stop()
})

const acts = () => health.recovery.acts().map(({ event }) => event)
const level = () => health.checks.reports().find(({ name }) => name === 'relay')?.level

it('records the lost relays, and that they are back, at the beats of the health', () => {
  reach = { relays: [], followsMap: false }
  expect(acts()).toEqual([])
  clock.advance(3_000)
  expect(acts()).toEqual(['relay-lost', 'map-asked'])
  reach = { relays: ['relay-2'], followsMap: true }
  clock.advance(3_000)
  expect(acts()).toEqual(['relay-lost', 'map-asked', 'relay-regained'])
  expect(health.recovery.acts().at(-1)?.act).toBe('is reachable again, through relay second')
})

it('records the loss that a status shows, though the relays are back before the next beat', () => {
  reach = { relays: [], followsMap: false }
  expect(level()).toBe('warning')
  expect(acts()).toEqual(['relay-lost', 'map-asked'])
  reach = { relays: ['relay-1'], followsMap: true }
  expect(level()).toBe('passing')
  expect(acts()).toEqual(['relay-lost', 'map-asked', 'relay-regained'])
})

it('records a move to another relay once', () => {
  reach.relays = ['relay-2', 'relay-1']
  clock.advance(9_000)
  expect(acts()).toEqual(['relay-moved'])
})
