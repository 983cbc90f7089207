import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { GCProfiler, setFlagsFromString } from 'node:v8'
import { describe, expect, it } from 'vitest'
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

describe('in a program that was started with flags of V8', () => {
  /** What it prints that has these flags. @param body runs with `youngCollector` */
  async function printed(flags: string[], body: string): Promise<string> {
    const module = JSON.stringify(new URL('collector.ts', import.meta.url).href)
    const program = `import(${module}).then(({ youngCollector }) => { ${body} })`
    return (await promisify(execFile)(process.execPath, [...flags, '-e', program])).stdout.trim()
  }

  it('no flag is set where V8 would end the process', async () => {
    const collects = "youngCollector()(); console.log('goes on')"
    expect(await printed(['--freeze-flags-after-init'], collects)).toBe('goes on')
  })

  it('its workers keep the collector that it asked for', async () => {
    const worker = "'console.log(typeof gc)', { eval: true }"
    const collects = `youngCollector()(); new (require('node:worker_threads').Worker)(${worker})`
    expect(await printed(['--expose-gc'], collects)).toBe('function')
  })

  it.each(['--single-threaded-gc', '--no_parallel_scavenge'])('%s stays in force', async flag => {
    expect(await printed([flag], 'youngCollector(console.log)()')).toBe('--expose-gc\n--no-expose-gc')
  })
})
