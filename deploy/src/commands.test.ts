import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { commands } from './commands.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deploy-commands-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const { run } = commands({ env: process.env, began: () => () => {} })

it('a command that is called off has ended when the next one may begin', async () => {
  const [begun, ended] = [join(folder, 'begun'), join(folder, 'ended')]
  const script = `trap 'sleep 0.3; touch ${ended}; exit 1' TERM; touch ${begun}; while :; do sleep 0.05; done`
  const abort = new AbortController()
  const running = run(['sh', '-c', script], { signal: abort.signal })
  await vi.waitUntil(() => existsSync(begun), { timeout: 20_000 })
  abort.abort(new Error('Ctrl-C'))
  await expect(running).rejects.toThrow('Ctrl-C')
  expect(existsSync(ended)).toBe(true)
})

it('one that goes back by itself is not killed within its grace', async () => {
  const [begun, asked] = [join(folder, 'begun'), join(folder, 'asked')]
  const [go, ended] = [join(folder, 'go'), join(folder, 'ended')]
  const goBack = `touch ${asked}; while [ ! -e ${go} ]; do sleep 0.05; done; touch ${ended}; exit 1`
  const script = `trap '${goBack}' TERM; touch ${begun}; while :; do sleep 0.05; done`
  const abort = new AbortController()
  const running = run(['sh', '-c', script], { signal: abort.signal, graceMs: 600_000 })
  const failed = expect(running).rejects.toThrow('Ctrl-C')
  await vi.waitUntil(() => existsSync(begun), { timeout: 20_000 })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    abort.abort(new Error('Ctrl-C'))
    vi.advanceTimersByTime(500_000)
  } finally {
    vi.useRealTimers()
  }
  await vi.waitUntil(() => existsSync(asked), { timeout: 20_000 })
  writeFileSync(go, '')
  await failed
  expect(existsSync(ended)).toBe(true)
})

it('one that is called off before it begins does not begin', async () => {
  const begun = join(folder, 'begun')
  await expect(run(['touch', begun], { signal: AbortSignal.abort(new Error('Ctrl-C')) })).rejects.toThrow(
    'Ctrl-C',
  )
  expect(existsSync(begun)).toBe(false)
})

it('one that fails is told with what it said, wherever it said it', async () => {
  const signal = new AbortController().signal
  await expect(run(['sh', '-c', 'echo not reachable; exit 4'], { signal })).rejects.toThrow(
    'exit 4: not reachable',
  )
  await expect(run(['sh', '-c', 'echo no >&2; exit 4'], { signal })).rejects.toThrow('exit 4: no')
})
