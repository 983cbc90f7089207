import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { GCProfiler, setFlagsFromString } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { collector, roomOfHeap, youngCollector } from './collector.ts'

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

it('sets the room of the heap once for each change', () => {
  const steps: string[] = []
  const setRoom = roomOfHeap(flags => void steps.push(flags))
  for (const isWide of [false, true, true, false]) setRoom(isWide)
  expect(steps).toEqual(['--heap-growing-percent=50', '--heap-growing-percent=0'])
})

describe('in a program that was started with flags of V8', () => {
  /** What it prints that has these flags. @param body runs with `youngCollector` and `roomOfHeap` */
  async function printed(flags: string[], body: string): Promise<string> {
    const module = JSON.stringify(new URL('collector.ts', import.meta.url).href)
    const program = `import(${module}).then(({ roomOfHeap, youngCollector }) => { ${body} })`
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

  it.each(['--heap-growing-percent=20', '--heap_growing_percent=20', '--freeze-flags-after-init'])(
    '%s leaves the room of the heap as it is',
    async flag => {
      expect(await printed([flag], "roomOfHeap(console.log)(true); console.log('goes on')")).toBe('goes on')
    },
  )
})
