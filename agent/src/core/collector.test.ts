import { GCProfiler, setFlagsFromString } from 'node:v8'
import { expect, it } from 'vitest'
import { collector, youngCollector } from './collector.ts'

it('does nothing where the flags of V8 cannot be set', () => {
  const collect = collector(() => {})
  expect(() => collect({ type: 'minor' })).not.toThrow()
})

it('collects young objects without helper threads, which later collections have again', () => {
  const steps: string[] = []
  const collect = youngCollector(flags => {
    setFlagsFromString(flags)
    steps.push(flags)
  })
  const profiler = new GCProfiler()
  steps.length = 0
  profiler.start()
  collect()
  expect(profiler.stop()?.statistics.map(({ gcType }) => gcType)).toContain('Scavenge')
  expect(steps).toEqual(['--no-parallel-scavenge', '--parallel-scavenge'])
})
