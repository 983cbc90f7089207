import { describe, expect, it } from 'vitest'
import { CollectionStep } from './collection-step.ts'

const MiB = 1024 * 1024

/** Counts bytes in pieces of 64 KiB. @returns how often young objects were to be collected */
function carry(step: CollectionStep, mib: number): number {
  let collections = 0
  for (let at = 0; at < mib * MiB; at += 64 * 1024) if (step.count(64 * 1024)) collections++
  return collections
}

describe('CollectionStep', () => {
  it('collects young objects each 8 MiB', () => {
    expect(carry(new CollectionStep(), 64)).toBe(8)
  })

  it('halves, down to 2 MiB, where the whole heap is collected over and over', () => {
    const step = new CollectionStep()
    const steps = [1, 2, 3, 4, 5].map(() => {
      carry(step, 24)
      step.onWholeHeap()
      return step.bytes / MiB
    })
    expect(steps).toEqual([8, 4, 2, 2, 2])
  })

  it('says that the heap is crowded where that does not help, until 1 GiB without a collection of the whole heap', () => {
    const step = new CollectionStep()
    const crowded = [1, 2, 3, 4].map(() => {
      carry(step, 24)
      step.onWholeHeap()
      return step.isCrowded
    })
    expect(crowded).toEqual([false, false, false, true])
    carry(step, 1_000)
    expect(step.isCrowded).toBe(true)
    carry(step, 24)
    expect(step.isCrowded).toBe(false)
  })

  it('stays as it is where the whole heap is collected now and then', () => {
    const step = new CollectionStep()
    for (let n = 0; n < 5; n++) {
      carry(step, 80)
      step.onWholeHeap()
    }
    expect(step.bytes).toBe(8 * MiB)
  })

  it('stays as it is where the whole heap is collected while no bytes are carried', () => {
    const step = new CollectionStep()
    for (let n = 0; n < 5; n++) step.onWholeHeap()
    expect(step.bytes).toBe(8 * MiB)
  })

  it('grows again after 1 GiB without a collection of the whole heap', () => {
    const step = new CollectionStep()
    for (let n = 0; n < 3; n++) {
      carry(step, 24)
      step.onWholeHeap()
    }
    const steps = [1_016, 16, 1_024].map(mib => {
      carry(step, mib)
      return step.bytes / MiB
    })
    expect(steps).toEqual([2, 4, 8])
  })
})
