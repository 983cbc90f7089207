import { GCProfiler } from 'node:v8'
import { expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { collector } from './collector.ts'
import { countBuffers } from './young-garbage.ts'

const MiB = 1024 * 1024

/** Collections of young objects while so many bytes are counted. */
function youngCollections(mib: number): number {
  const profiler = new GCProfiler()
  profiler.start()
  for (let n = 0; n < mib; n++) countBuffers(MiB)
  return profiler.stop()?.statistics.filter(({ gcType }) => gcType === 'Scavenge').length ?? 0
}

it('young objects are collected more often where the whole heap is collected all the same', async () => {
  const wholeHeap = collector()
  expect(youngCollections(32)).toBeGreaterThan(0)
  await until(() => {
    youngCollections(24)
    void wholeHeap({ type: 'major' })
    return youngCollections(16) >= 8
  })
})
