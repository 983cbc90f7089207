import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'

import { countsOf, filesIn, judged } from './coverage.ts'
import { program } from './gate.ts'
import { isAllowed, licenceFaults } from './licences.ts'
import { lockedPackages, lockFaults, type LockedPackage } from './lockfile.ts'
import { startProgress } from './progress.ts'
import { componentFaults } from './release-gate.ts'

const main = join(import.meta.dirname, 'main.ts')
const locked = (facts: Partial<LockedPackage>): LockedPackage => ({
  ...{
    lock: 'package-lock.json',
    path: 'node_modules/a',
    licence: 'MIT',
    integrity: 'sha512-',
    resolved: undefined,
  },
  ...facts,
})

/** The exit code and the lines of the command, and what it says is wrong. */
const gates = (...args: string[]): Promise<{ code: unknown; lines: string[]; wrong: string }> =>
  new Promise(resolve => {
    execFile(process.execPath, [main, ...args], (error, stdout, wrong) =>
      resolve({ code: error?.code ?? 0, lines: stdout.trimEnd().split('\n'), wrong }),
    )
  })

test('the locks of the repository pass, and more than 500 packages are looked at', async () => {
  const { code, lines } = await gates('--only', 'lockfile,licences', '--json')
  const said = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  expect(said.at(-1)).toEqual({ gates: 2, failed: 0, skipped: 0 })
  expect(said[0]).toMatchObject({ gate: 'lockfile', result: 'passed', limit: '0' })
  expect(code).toBe(0)
  expect((await lockedPackages()).length).toBeGreaterThan(500)
})

test('a gate that does not exist is named', async () => {
  const { code, wrong } = await gates('--only', 'lokfile')
  expect([code, wrong]).toEqual([2, expect.stringMatching(/^Cannot run gate lokfile: /)])
})

test('a package without a hash, and one from another host, are found', () => {
  const foreign = locked({ path: 'node_modules/b', resolved: 'https://npm.example.com/b/-/b-1.0.0.tgz' })
  const usual = locked({ resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' })
  expect(lockFaults([usual, locked({ integrity: undefined }), foreign])).toEqual([
    expect.stringContaining('node_modules/a has no integrity'),
    expect.stringContaining('node_modules/b comes from https://npm.example.com'),
  ])
})

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0-or-later)', true],
  ['MIT AND Apache-2.0', true],
  ['MIT AND GPL-3.0-only', false],
  ['GPL-3.0-only', false],
  ['SEE LICENSE IN LICENSE', false],
  ['constructor', false],
])('the licence %s is allowed: %s', (licence, allows) => expect(isAllowed(licence)).toBe(allows))

test('a package with an unknown licence, or none, is found, also in a bill of materials', () => {
  expect(
    licenceFaults([locked({}), locked({ licence: 'AGPL-3.0-only' }), locked({ licence: undefined })]),
  ).toHaveLength(2)
  const component = { name: 'a', version: '1.0.0' }
  const licensed = (id: string) => ({ ...component, licenses: [{ license: { id } }] })
  expect(
    componentFaults([licensed('MIT'), licensed('SSPL-1.0'), { ...component, licenses: [] }]),
  ).toHaveLength(2)
})

test('a program that fails, and one that is missing, are told apart', async () => {
  expect(await program([process.execPath, '-e', 'process.exit(3)'])).toMatchObject({
    code: 3,
    missing: false,
  })
  expect(await program(['no-such-program-of-the-gates'])).toMatchObject({ code: null, missing: true })
})

test('a program that takes too long is ended', async () => {
  const endless = [process.execPath, '-e', 'setInterval(() => undefined, 1000)']
  expect(await program(endless, { withinMs: 1 })).toMatchObject({ code: null, missing: false })
})

test('a gate that takes minutes says each minute in a log how far it is', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const lines: string[] = []
    const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: false, fd: 2 as const })
    stderr.on('data', (text: string) => lines.push(text))
    const progress = startProgress('coverage', stderr)
    progress.say('7 files of specs')
    vi.advanceTimersByTime(60_000)
    progress.end()
    vi.advanceTimersByTime(120_000)
    expect(lines).toEqual([expect.stringMatching(/^coverage: \d+ s, 7 files of specs\n$/)])
  } finally {
    vi.useRealTimers()
  }
})

test('the gate of coverage names the specs that failed beside its figure, and fails by the figure alone', () => {
  const failure =
    ' FAIL  |unit| agent/src/agent.test.ts > an agent > joins\nAssertionError: expected 1 to be 2\n'
  const said =
    ' \x1b[32m✓\x1b[39m \x1b[30m\x1b[43m crossing \x1b[49m\x1b[39m test/house/words.test.ts \x1b[2m(\x1b[22m\n' +
    ` ❯ |unit| agent/src/agent.test.ts (3 tests | 1 failed)\n${failure}${failure}` +
    '\x1b[31m FAIL \x1b[39m \x1b[30m\x1b[43m crossing \x1b[49m\x1b[39m test/house/a.test.ts \x1b[2m[ test/house/a.test.ts ]\x1b[22m\n' +
    '5 passed, 2 failed, 0 skipped\n'
  expect([filesIn(said), countsOf(said)]).toEqual([2, '5 passed, 2 failed, 0 skipped'])
  const failed = [
    'failed: agent/src/agent.test.ts > an agent > joins',
    'failed: test/house/a.test.ts [ test/house/a.test.ts ]',
  ]
  expect(judged({ pct: 85, covered: 85, total: 100 }, said)).toEqual({
    ...{ result: 'passed', limit: '>= 85 %', said: failed.join('\n') },
    figure: '85 % of lines, specs: 5 passed, 2 failed, 0 skipped',
  })
  const tooLittle = judged({ pct: 84.9, covered: 849, total: 1000 }, said)
  expect(tooLittle.result).toBe('failed')
  expect(tooLittle.said?.split('\n')).toEqual([expect.stringMatching(/^849 of 1000 lines/), ...failed])
  expect(judged({ pct: 85, covered: 85, total: 100 }, '7 passed, 0 failed, 0 skipped\n')).not.toHaveProperty(
    'said',
  )
})
