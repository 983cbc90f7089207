/** What is watched at each beat: memory, the event loop, the disk. */
import { getHeapStatistics } from 'node:v8'
import { beforeEach, describe, expect, test } from 'vitest'
import { collector } from '../core/collector.ts'
import { HealthBeat } from './beat.ts'
import { healthDefaults } from './defaults.ts'
import { diskSpace } from './disk-space.ts'
import { LoopWatch } from './loop-watch.ts'
import { MemoryWatch, memoryUse } from './memory-watch.ts'
import type { RecoveryEvent } from '@agent-mesh/protocol/recovery'
import { ManualClock } from './testing/manual-clock.ts'

let clock: ManualClock
let beat: HealthBeat
let acts: [RecoveryEvent, string][]
const recovery = { acted: (event: RecoveryEvent, act: string) => void acts.push([event, act]) }

beforeEach(() => {
  clock = new ManualClock()
  acts = []
  beat = new HealthBeat(clock, error => expect.unreachable(String(error)))
  beat.start()
  beat.hasten()
})

describe('memory', () => {
  const gib = 1024 ** 3
  let bytes: number
  const watch = (collect = () => {}) =>
    new MemoryWatch({ beat, recovery, collect, use: () => ({ kind: 'heap', bytes, limitBytes: gib }) })

  test('new calls are refused from the high mark on, and accepted again below the low one', () => {
    bytes = 0.5 * gib
    const memory = watch()
    clock.advance(5_000)
    expect(memory.check()).toEqual({ level: 'passing' })
    bytes = 0.95 * gib
    clock.advance((healthDefaults.shedLooks - 1) * 1_000)
    expect(memory.shedding).toBe(false)
    clock.advance(1_000)
    expect(memory.shedding).toBe(true)
    expect(memory.check()).toMatchObject({
      level: 'failing',
      reason: expect.stringMatching(/973 of 1024 MiB/) as string,
    })
    bytes = 0.85 * gib
    clock.advance(5_000)
    expect(memory.shedding).toBe(true)
    bytes = 0.75 * gib
    clock.advance(1_000)
    expect(memory.shedding).toBe(false)
    expect(acts).toEqual([
      ['memory-shed', 'began to refuse new calls: heap memory is nearly full'],
      ['memory-accepts', 'accepts calls again'],
    ])
  })

  test('a moment above the mark sheds nothing: garbage is collected within', () => {
    bytes = 0.95 * gib
    const memory = watch()
    clock.advance(1_000)
    bytes = 0.5 * gib
    clock.advance(1_000)
    bytes = 0.95 * gib
    clock.advance(2_000)
    expect(memory.shedding).toBe(false)
  })

  test('while calls are refused it collects, for a share of the time, and accepts calls at the same look', () => {
    bytes = 0.95 * gib
    let collections = 0
    const memory = watch(() => {
      collections++
      clock.advance(50)
    })
    clock.advance(healthDefaults.shedLooks * 1_000)
    expect([memory.shedding, collections]).toEqual([true, 0])
    clock.advance(10_000)
    expect(collections).toBeGreaterThan(1)
    expect(collections * 50).toBeLessThanOrEqual(10_000 / healthDefaults.collectOneIn)
    const full = watch(() => (bytes = 0.5 * gib))
    for (let i = 0; i < healthDefaults.shedLooks; i++) full.look()
    expect(full.shedding).toBe(true)
    full.look()
    expect(full.shedding).toBe(false)
  })

  test('calls are accepted again at the next look after the heap is free, though nothing else collects', () => {
    const used = () => getHeapStatistics().used_heap_size
    collector()({ type: 'major' })
    // What the worker holds from other specs does not count, and half of the room is left for what V8 lets go of meanwhile.
    const before = used()
    const kept = new Array<number>(8_000_000).fill(0.5)
    const use = () => ({ kind: 'heap', bytes: used() - before, limitBytes: 64_000_000 }) as const
    const memory = new MemoryWatch({ beat, recovery, use, shedAbove: 0.5 })
    for (let i = 0; i <= healthDefaults.shedLooks; i++) memory.look()
    expect([memory.shedding, kept.length]).toEqual([true, 8_000_000])
    kept.length = 0
    // The look before may have spent its share of the time.
    clock.advance(60_000)
    expect(memory.shedding).toBe(false)
  })

  test('that of this process is below its limit', () => {
    const { bytes: used, limitBytes } = memoryUse()
    expect(used).toBeGreaterThan(0)
    expect(used).toBeLessThan(limitBytes)
  })
})

test('a block of the event loop is reported for a minute', () => {
  const loop = new LoopWatch({ beat, recovery })
  clock.advance(10_000)
  expect(loop.check()).toEqual({ level: 'passing' })
  clock.block(6_000)
  expect(loop.check()).toMatchObject({
    level: 'warning',
    reason: expect.stringMatching(/blocked for 5\.0 s, 0 s ago/) as string,
  })
  expect(acts).toHaveLength(1)
  clock.advance(healthDefaults.blockedWindowMs)
  expect(loop.check()).toEqual({ level: 'passing' })
})

test('a disk that is nearly full warns, and is read every 10 s only', () => {
  let free = 1e12
  let reads = 0
  const check = diskSpace({ folder: '/data', now: clock.now, freeBytes: () => (reads++, free) })
  expect(check()).toEqual({ level: 'passing' })
  free = 10 * 1024 ** 2
  expect(check()).toEqual({ level: 'passing' })
  clock.advance(healthDefaults.diskLookMs)
  expect(check()).toMatchObject({
    level: 'warning',
    reason: expect.stringMatching(/\/data is nearly full: 10 MiB free/) as string,
  })
  expect(reads).toBe(2)
})
