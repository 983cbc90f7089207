/** The lock of an environment, held by this process and by one that was killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from './commands.ts'
import { Lock } from './lock.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  file = join(folder, 'mesh.lock')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

test('is held by one process at a time', async () => {
  const lock = await Lock.take(file, signal)
  await expect(Lock.take(file, signal)).rejects.toThrow(`process ${process.pid} deploys this environment`)
  await lock.release()
  await (await Lock.take(file, signal)).release()
})

test('names the commands of its holder while they run', async () => {
  const lock = await Lock.take(file, signal)
  const { run } = commands({ env: {}, began: lock.began })
  const text = await run(
    [process.execPath, '-p', `process.pid + ' ' + require('fs').readFileSync(${JSON.stringify(file)})`],
    { signal },
  )
  const [child = '', ...names] = text.split(/\s+/)
  expect(names).toEqual([String(process.pid), child])
  expect(await readFile(file, 'utf8')).toBe(`${process.pid}\n`)
  await lock.release()
})

test('waits for a command that a killed holder left', async () => {
  const left = spawn(process.execPath, ['-e', 'process.stdin.resume().on("end", () => {})'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await writeFile(file, `${await endedProcess()}\n${left.pid}\n`)
  let taken = false
  const lock = Lock.take(file, signal).then(it => ((taken = true), it))
  await readFile(file, 'utf8')
  expect(taken).toBe(false)
  left.stdin.end()
  await (await lock).release()
  expect(left.exitCode).toBe(0)
})
