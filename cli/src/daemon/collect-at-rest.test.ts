import { describe, expect, it, vi } from 'vitest'

import { collectAtRest, collectGarbage, processUsage, type Usage } from './collect-at-rest.ts'

/** @param looks what the process has used at each look; the last one holds from then on */
function watched(looks: readonly Usage[]) {
  const rest = [...looks]
  const usage = vi.fn(() => (rest.length > 1 ? rest.shift()! : rest[0]!))
  const collect = vi.fn()
  return { lookMs: 1, restingCpuMs: 100, heapBytes: 1_000, usage, collect }
}

const never = new AbortController().signal

describe('collectAtRest()', () => {
  it('waits until the process uses less CPU, and collects once', async () => {
    const busy = [0, 100, 250].map(cpuMs => ({ cpuMs, heapBytes: 10 }))
    const process = watched([...busy, { cpuMs: 349, heapBytes: 10 }])
    await collectAtRest(process, never)
    expect(process.usage).toHaveBeenCalledTimes(4)
    expect(process.collect).toHaveBeenCalledTimes(1)
  })

  it('leaves a large heap to V8 until it has become small', async () => {
    const process = watched([1_001, 1_001, 1_001, 1_000].map(heapBytes => ({ cpuMs: 0, heapBytes })))
    await collectAtRest(process, never)
    expect(process.usage).toHaveBeenCalledTimes(4)
    expect(process.collect).toHaveBeenCalledTimes(1)
  })

  it('ends when the process does, without collecting', async () => {
    const ending = new AbortController()
    const process = { ...watched([{ cpuMs: 0, heapBytes: 0 }]), lookMs: 3_600_000 }
    const done = collectAtRest(process, ending.signal)
    ending.abort()
    await done
    expect(process.collect).not.toHaveBeenCalled()
  })
})

describe('collectGarbage()', () => {
  it('frees what nothing refers to any more', async () => {
    const garbage = (() => new WeakRef({ large: new Array(1_000).fill(0) }))()
    // What a WeakRef was made of, or gave, in this turn is kept until its end.
    await new Promise(resolve => setImmediate(resolve))
    await vi.waitUntil(() => (collectGarbage(), garbage.deref() === undefined), { timeout: 20_000 })
  })
})

describe('processUsage()', () => {
  it('counts CPU since the start, and the heap in use', () => {
    const { cpuMs, heapBytes } = processUsage()
    expect(cpuMs).toBeGreaterThan(1)
    expect(cpuMs).toBeLessThan(process.uptime() * 1_000 * 64)
    expect(heapBytes).toBeGreaterThan(1e6)
  })
})
