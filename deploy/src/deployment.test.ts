/** The engine of deployments over an installation in memory: what it replaces, in which order, and what it puts back. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deploy, outcomes, type Outcome } from './deployment.ts'
import { History, type Entry } from './history.ts'
import type { Schema } from './schema.ts'
import type { Build, Target, Unit } from './target.ts'

const buildOf = (version: string): Build => ({ relay: version, 'control-plane': version, agent: version })
const agents = Array.from({ length: 20 }, (_, i): Unit => ({ name: `agent-${i + 1}`, role: 'agent' }))
const units: Unit[] = [
  { name: 'control-plane-1', role: 'control-plane' },
  { name: 'relay-1', role: 'relay' },
  { name: 'relay-2', role: 'relay' },
  ...agents,
]

const notHealthy = () => new MeshError('unavailable', 'not healthy')

/** A version `broken` never becomes healthy. */
class MemoryTarget implements Target {
  readonly runs = new Map<string, string>()
  readonly puts: string[] = []
  /** The process is killed before this many replacements have been made. */
  killAfter = Infinity
  killed = false
  onPut = () => {}
  checkWayBack = () => Promise.resolve()
  preflight = () => Promise.resolve()
  units = () => Promise.resolve(units)
  schema = ({ agent }: Build): Promise<Schema | undefined> =>
    Promise.resolve(agent.startsWith('9') ? { sqlite: 9 } : { sqlite: 8 })
  find = (version: string) => Promise.resolve(buildOf(version))
  running = () => Promise.resolve(new Map(this.runs))
  backup = () => Promise.resolve('file')
  /** Builds that were tested. */
  readonly smoked: string[] = []
  stop = () => Promise.resolve(this.runs.clear())
  smoke = (build: Build): Promise<void> => Promise.resolve(void this.smoked.push(build.agent))
  keep = () => Promise.resolve()
  byHand = () => ['by hand']

  start(build: Build): Promise<void> {
    for (const { name, role } of units) this.runs.set(name, build[role])
    return build.agent === 'broken first' ? Promise.reject(notHealthy()) : Promise.resolve()
  }

  put(together: readonly Unit[], build: Build): Promise<void> {
    if (this.puts.length >= this.killAfter) {
      this.killed = true
      return new Promise(() => {})
    }
    this.puts.push(together.map(({ name }) => name).join(' '))
    for (const { name, role } of together) this.runs.set(name, build[role])
    const broken = build.agent === 'broken' && together.some(({ role }) => role === 'control-plane')
    this.onPut()
    return broken ? Promise.reject(notHealthy()) : Promise.resolve()
  }
}

/** Of the history, where the first deployment did not work. */
const failedFirst = {
  number: 1,
  at: '2026-11-29T12:00:00.000Z',
  target: 'docker',
  outcome: 'rolled back',
  version: '1',
  build: buildOf('1'),
} as const satisfies Entry

let folder: string
let target: MemoryTarget
const said: string[] = []

beforeEach(async () => {
  said.length = 0
  folder = await mkdtemp(join(tmpdir(), 'deployment-'))
  target = new MemoryTarget()
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const history = () => History.read(join(folder, 'e.jsonl'))

async function run(
  version: string,
  dryRun = false,
  signal = new AbortController().signal,
  migrate = false,
): Promise<Outcome> {
  const say = (line: string) => said.push(line)
  return deploy(
    { target, history: await history(), kind: 'docker', say, signal, dryRun, migrate },
    { version },
  )
}

/** What runs, without repetition. */
const versions = () => [...new Set(target.runs.values())]

test('replaces relays one by one, then control planes, then agents by a tenth of them', async () => {
  expect([await run('1'), target.puts]).toEqual([outcomes.done, []])
  expect(await run('2')).toBe(outcomes.done)
  expect(target.puts.slice(0, 4)).toEqual(['relay-1', 'relay-2', 'control-plane-1', 'agent-1 agent-2'])
  expect([target.puts.length, versions()]).toEqual([13, ['2']])
})

test('does nothing a second time, and nothing in a dry run', async () => {
  await run('1')
  expect([await run('1'), await run('2', true)]).toEqual([outcomes.done, outcomes.done])
  expect([target.puts, versions(), (await history()).entries.length]).toEqual([[], ['1'], 2])
})

test('puts back what ran before, in all units that were replaced, when one does not become healthy', async () => {
  await run('1')
  expect([await run('broken'), versions()]).toEqual([outcomes.rolledBack, ['1']])
  expect(target.puts).toEqual([
    'relay-1',
    'relay-2',
    'control-plane-1',
    'relay-1',
    'relay-2',
    'control-plane-1',
  ])
  expect([target.smoked, (await history()).last]).toMatchObject([
    ['1', '1'],
    { outcome: 'rolled back', before: buildOf('1') },
  ])
})

test('puts back what ran before when Ctrl-C ends it', async () => {
  await run('1')
  const stop = new AbortController()
  target.onPut = () => stop.abort(new Error('ended by SIGINT'))
  expect([await run('2', false, stop.signal), versions()]).toEqual([outcomes.rolledBack, ['1']])
  expect(target.puts).toEqual(['relay-1', 'relay-1'])
})

test('puts back the units that were being replaced at Ctrl-C, though they run what they ran before', async () => {
  await run('1')
  const stop = new AbortController()
  const put = target.put.bind(target)
  target.put = async (together, build) => {
    if (build.agent === '1') return put(together, build)
    stop.abort(new Error('ended by SIGINT'))
    throw stop.signal.reason
  }
  expect([await run('2', false, stop.signal), versions()]).toEqual([outcomes.rolledBack, ['1']])
  expect(target.puts).toEqual(['relay-1'])
})

test('stops all where the first deployment does not work', async () => {
  target.smoke = () => Promise.reject(new MeshError('unavailable', 'not reached'))
  expect([await run('1'), versions()]).toEqual([outcomes.rolledBack, []])
  target.smoke = () => Promise.resolve()
  expect([await run('1'), versions()]).toEqual([outcomes.done, ['1']])
})

test('goes back to a mesh that was started by hand after the first deployment had failed', async () => {
  target.smoke = () => Promise.reject(new MeshError('unavailable', 'not reached'))
  expect(await run('1')).toBe(outcomes.rolledBack)
  target.smoke = () => Promise.resolve()
  // Of the same version as well: what failed was stopped.
  for (const version of ['1', 'by hand']) {
    await target.start(buildOf(version))
    expect([await run('broken'), versions()]).toEqual([outcomes.rolledBack, [version]])
    await rm(join(folder, 'e.jsonl'))
    await (await history()).append({ ...failedFirst, number: 1 })
  }
})

test.each(['begun', 'rollback failed'] as const)(
  'stops what a first deployment left that ended as %s, and keeps what was started by hand since',
  async outcome => {
    const first = { ...failedFirst, outcome }
    await (await history()).append(first)
    await target.start(first.build)
    expect([await run('broken first'), versions()]).toEqual([outcomes.rolledBack, []])
    await rm(join(folder, 'e.jsonl'))
    await (await history()).append(first)
    await target.start(buildOf('by hand'))
    expect([await run('broken'), versions()]).toEqual([outcomes.rolledBack, ['by hand']])
  },
)

test('refuses a part of a mesh that was started by hand, and leaves it as it is', async () => {
  target.runs.set('relay-1', 'by hand')
  await expect(run('1')).rejects.toThrow(
    'relay-1 run without a deployment, and no control-plane and no agent does',
  )
  expect([[...target.runs.keys()], (await history()).entries]).toEqual([['relay-1'], []])
})

test('refuses a schema that what runs does not read, unless that is accepted, and one that is older', async () => {
  await run('1')
  await expect(run('9')).rejects.toThrow('it changes schema 8 of sqlite to 9')
  expect([versions(), target.puts]).toEqual([['1'], []])
  expect([await run('9', false, undefined, true), versions()]).toEqual([outcomes.done, ['9']])
  await expect(run('1', false, undefined, true)).rejects.toThrow('it reads schema 8 of sqlite')
})

test('says that schemas were not compared where a build does not say which it has', async () => {
  const note = 'plan: the schemas of the database were not compared: read the notes of the release'
  await run('1')
  await run('2', true)
  expect(said).not.toContain(note)
  target.schema = ({ agent }: Build) => Promise.resolve(agent === '1' ? undefined : { sqlite: 8 })
  expect(await run('2', true)).toBe(outcomes.done)
  expect(said).toContain(note)
})

test('refuses where what runs could not be put back, but for a rollback, which says so', async () => {
  for (const version of ['1', '2']) await run(version)
  const why = new MeshError('not_found', 'Cannot deploy: there is no way back to 2')
  target.checkWayBack = () => Promise.reject(why)
  await expect(run('3')).rejects.toBe(why)
  expect([versions(), (await history()).last?.version]).toEqual([['2'], '2'])
  const before = await history()
  const init = { target, history: before, kind: 'docker', dryRun: false, migrate: false } as const
  const say = (line: string) => said.push(line)
  const { signal } = new AbortController()
  expect(await deploy({ ...init, say, signal }, before.toRollBackTo(1))).toBe(outcomes.done)
  expect([versions(), said]).toEqual([['1'], expect.arrayContaining([`plan: ${why.message}`])])
})

test('says how to put it back by hand when the rollback fails, and the next one goes back to the same', async () => {
  await run('1')
  target.smoke = () => Promise.reject(new MeshError('unavailable', 'not reached'))
  expect(await run('2')).toBe(outcomes.rollbackFailed)
  expect(said).toContain('  by hand')
  expect((await history()).last).toMatchObject({ outcome: 'rollback failed', before: buildOf('1') })
  target.smoke = () => Promise.resolve()
  expect([await run('broken'), versions()]).toEqual([outcomes.rolledBack, ['1']])
})

test('rolls back to what ran before, or to a number', async () => {
  for (const version of ['1', '2', '3']) await run(version)
  const entries = await history()
  expect(entries.toRollBackTo(undefined)).toMatchObject({ version: '2', build: buildOf('2') })
  expect(entries.toRollBackTo(1)).toMatchObject({ version: '1', build: buildOf('1') })
  expect(() => entries.toRollBackTo(7)).toThrow('deployment 7 is not in')
})

test('replaces a mesh that was started by hand, and goes back to that', async () => {
  await target.start(buildOf('by hand'))
  expect([await run('broken'), versions()]).toEqual([outcomes.rolledBack, ['by hand']])
})

test.each(Array.from({ length: 13 }, (_, i) => i))(
  'converges after it was killed at replacement %i',
  async killAfter => {
    await run('1')
    target.killAfter = killAfter
    await Promise.race([run('2'), killed()])
    target.killAfter = Infinity
    expect([await run('2'), versions()]).toEqual([outcomes.done, ['2']])
    expect((await history()).last).toMatchObject({ outcome: 'deployed', before: buildOf('1') })
  },
)

/** Once the target is asked for no more. */
async function killed(): Promise<void> {
  await expect.poll(() => target.killed, { timeout: 20_000 }).toBe(true)
}
