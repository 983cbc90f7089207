/** The lock of an environment, held by this process and by one that was killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { commands } from './commands.ts'
import { readLock, removeLeft } from './lock-file.ts'
import { Lock } from './lock.ts'

let folder: string
let file: string

beforeEach(async () => {
  said.length = 0
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  file = join(folder, 'mesh.lock')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

const said: string[] = []

/** By default it waits for commands that were left, not for another deployment. */
const take = ({ waitMs = 0, leftMs = 180_000 } = {}): Promise<Lock> =>
  Lock.take({ file, title: 'docker 1.2.3', waitMs, leftMs, say: line => void said.push(line), signal })

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

test('is held by one process at a time, and says by which, and what that does', async () => {
  const lock = await take()
  await expect(take()).rejects.toMatchObject({
    code: 'conflict',
    message: `Cannot deploy: process ${process.pid} deploys this environment (docker 1.2.3)`,
    hint: expect.stringContaining('--wait SECONDS') as string,
  })
  await lock.release()
  await (await take()).release()
  expect(await readdir(folder)).toEqual([])
})

test('waits for another deployment as long as it may, and says so once', async () => {
  const lock = await take()
  await expect(take({ waitMs: 400 })).rejects.toThrow('(docker 1.2.3), after 0.4 s still')
  const next = take({ waitMs: 60_000 })
  await vi.waitUntil(() => said.some(line => line.startsWith('waiting up to 60 s')), { timeout: 20_000 })
  await lock.release()
  await (await next).release()
  expect(said.filter(line => line.startsWith('waiting up to 60 s'))).toHaveLength(1)
})

test('is taken by one of many that wait', async () => {
  let held = 0
  const one = async () => {
    const lock = await take({ waitMs: 120_000 })
    expect(++held).toBe(1)
    await readFile(file, 'utf8')
    held--
    await lock.release()
  }
  await Promise.all(Array.from({ length: 8 }, one))
})

test('is held by one of many, of which some are killed while they hold it', async () => {
  const ended = await endedProcess()
  let holding = 0
  let taken = 0
  const one = async (_: unknown, who: number) => {
    for (let round = 0; round < 200; round++) {
      const lock = await take().catch(
        (error: unknown) => void expect(error).toMatchObject({ code: 'conflict' }),
      )
      if (lock === undefined) continue
      taken++
      expect(++holding).toBe(1)
      await new Promise(setImmediate)
      holding--
      if (round % 2 === 0) await lock.release()
      else {
        const left = `${file}.${who}`
        await writeFile(left, `${ended} docker ${who} ${round}\n`)
        await rename(left, file)
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))
  expect(taken).toBeGreaterThan(10)
})

test('leaves the lock of another process where it read one that was left', async () => {
  await writeFile(file, '1 docker 2\n')
  removeLeft(file, '1 docker 1\n')
  expect(readLock(file)).toBe('1 docker 2\n')
  await writeFile(`${file}.turn`, '')
  removeLeft(file, '1 docker 2\n')
  expect(readLock(file)).toBe('1 docker 2\n')
  await utimes(`${file}.turn`, 0, 0)
  for (let n = 0; n < 2; n++) removeLeft(file, '1 docker 2\n')
  expect(await readdir(folder)).toEqual([])
})

test('names the commands of its holder while they run', async () => {
  const lock = await take()
  const { run } = commands({ env: {}, began: lock.began })
  const text = await run(
    [process.execPath, '-p', `process.pid + ' ' + require('fs').readFileSync(${JSON.stringify(file)})`],
    { signal },
  )
  const [child = '', ...lines] = text.trimEnd().replace(' ', '\n').split('\n')
  expect(lines).toEqual([
    `${process.pid} docker 1.2.3`,
    expect.stringMatching(new RegExp(`^${child} ${process.execPath} -p `)),
  ])
  expect(await readFile(file, 'utf8')).toBe(`${process.pid} docker 1.2.3\n`)
  await lock.release()
})

test('runs commands although it cannot name them, and says so once', async () => {
  const lock = await take()
  const { run } = commands({ env: {}, began: lock.began })
  await rm(folder, { recursive: true })
  for (const word of ['one', 'two'])
    expect(await run([process.execPath, '-p', `'${word}'`], { signal })).toBe(word)
  expect(said).toEqual([expect.stringContaining('does not name the commands that run: Error: ENOENT')])
  await lock.release()
})

test('waits for a command that a killed holder left', async () => {
  const left = spawn(process.execPath, ['-e', 'process.stdin.resume().on("end", () => {})'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await writeFile(file, `${await endedProcess()} docker 1\n${left.pid} helm upgrade mesh\n`)
  let taken = false
  await expect(take({ leftMs: 0 })).rejects.toThrow(
    `process ${left.pid} (helm upgrade mesh), which a deployment that was killed left, runs`,
  )
  const lock = take().then(it => ((taken = true), it))
  await vi.waitUntil(() => said.some(line => line.includes('(helm upgrade mesh)')), { timeout: 20_000 })
  expect(taken).toBe(false)
  left.stdin.end()
  await (await lock).release()
  expect(left.exitCode).toBe(0)
})
