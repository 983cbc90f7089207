import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, it, vi } from 'vitest'
import { Compression } from '../rpc/index.ts'
import { CallCache } from '../services/cache/call-cache.ts'
import { Hedging } from '../services/call/hedging.ts'
import { CompressionKnob } from './compression-knob.ts'
import { parseTuning, type TuningOption } from './settings.ts'
import { Tuning } from './tuning.ts'

const unused = {} as never

function tuningOf(option?: TuningOption) {
  const log = { info: vi.fn(), warn: vi.fn() }
  const tuning = new Tuning({ settings: parseTuning(option), now: () => 0, log: log as never })
  const hedging = new Hedging(0.05, undefined, tuning.wakeFor('hedgeDelay'))
  const cache = new CallCache(
    { maxBytes: 1 << 26, guard: unused, now: () => 0 },
    tuning.wakeFor('cacheSize', 'cacheAdmission'),
  )
  const compression = new Compression(() => 0)
  tuning.attach({ hedging, cache, compression })
  return { tuning, hedging, cache, compression }
}

const states = (tuning: Tuning) =>
  tuning.report().settings.map(({ setting, value, state }) => [setting, value, state])

describe('the option tuning', () => {
  it('is on without a word, and shows the defaults before anything is tuned', () => {
    const { tuning } = tuningOf()
    expect(tuning.report()).toMatchObject({ on: true, changes: [] })
    expect(states(tuning)).toEqual([
      ['hedgeDelay', 'p95', 'idle'],
      ['cacheSize', '64 MiB', 'idle'],
      ['cacheAdmission', 'frequency', 'idle'],
      ['compression', 'off', 'idle'],
    ])
  })

  it('watches once a call asks for a second try', async () => {
    const { tuning, hedging } = tuningOf()
    hedging.sent('a.b', true, () => undefined)(true, 1)
    await vi.waitFor(() => expect(states(tuning)[0]).toEqual(['hedgeDelay', 'p95', 'shadow']), 30_000)
  })

  it('pins settings, and tunes the others', () => {
    const pins = { hedgeDelay: 20, cacheSize: 1 << 20, cacheAdmission: 'all', compression: true } as const
    const { tuning, hedging, cache, compression } = tuningOf(pins)
    expect([hedging.delay, cache.room, cache.admission, compression.mode]).toEqual([
      { ms: 20 },
      1 << 20,
      'all',
      'on',
    ])
    expect(states(tuning).map(([, value, state]) => [value, state])).toEqual([
      ['20 ms', 'pinned'],
      ['1 MiB', 'pinned'],
      ['all', 'pinned'],
      ['on', 'pinned'],
    ])
    expect(states(tuningOf({ hedgeDelay: 20 }).tuning)[1]).toEqual(['cacheSize', '64 MiB', 'idle'])
  })

  const row = { json: JSON.stringify(Array.from({ length: 100 }, () => 'a row of a table')), tail: undefined }

  it.each([
    [{}, true],
    [{ compression: false }, false],
    [{ compression: true }, false],
  ])('with the pins %j tunes by a body on a slow path: %s', (pins, wakes) => {
    const { tuning, compression } = tuningOf(pins)
    compression.apply(row, 1)
    expect(tuning.isAwake).toBe(wakes)
  })

  it('loads nothing for settings that are pinned', () => {
    const pins = { hedgeDelay: 20, cacheSize: 1 << 20, cacheAdmission: 'all' } as const
    const { tuning, hedging } = tuningOf(pins)
    hedging.sent('a.b', true, () => undefined)(true, 1)
    expect(tuning.isAwake).toBe(false)
  })

  it('false changes nothing, whatever calls show', async () => {
    const { tuning, hedging } = tuningOf(false)
    hedging.sent('a.b', true, () => undefined)(true, 1)
    await vi.dynamicImportSettled()
    expect([tuning.report().on, tuning.isAwake]).toEqual([false, false])
    expect(states(tuning).map(([, , state]) => state)).toEqual(['off', 'off', 'off', 'off'])
  })

  it.each([
    { hedgeDelay: 0 },
    { hedgeDelay: NaN },
    { cacheSize: 1 },
    { cacheAdmission: 'lru' },
    { other: 1 },
    'no',
    null,
  ])('refuses %j', option => {
    const refused = () => parseTuning(option as never)
    expect(refused).toThrow(MeshError)
    expect(refused).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })
})

describe('compression', () => {
  const row = { id: 1, name: 'a row of a table', text: 'as most bodies are' }
  const body = { json: JSON.stringify(Array.from({ length: 50 }, () => row)), tail: undefined }

  /** @param cpuMs of each body @param bytesPerMs of the path */
  const seen = (cpuMs: number, bytesPerMs: number) => {
    let now = 0
    const compression = new Compression(() => (now += cpuMs))
    const knob = new CompressionKnob(compression)
    knob.watch()
    for (let i = 0; i < 600; i++) expect(compression.apply(body, bytesPerMs)).toBe(body)
    return { compression, proposal: knob.propose() }
  }

  it('is tried where the saved bytes take longer than compressing them', () => {
    const { compression, proposal } = seen(0.05, 1_250)
    expect(proposal?.after).toBe('on')
    proposal!.apply()
    expect(compression.apply(body, 1_250).tail!.byteLength).toBeLessThan(body.json.length / 4)
    proposal!.revert()
    expect(compression.apply(body, 1_250)).toBe(body)
  })

  it('is not tried where they do not', () => {
    expect(seen(0.2, 20_000).proposal).toBeUndefined()
  })
})
