/** The file of what was deployed: it survives a crash, and nothing else is read from it. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { History, type Entry } from './history.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'))
  file = join(folder, 'releases', 'mesh.jsonl')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const entry: Entry = {
  number: 1,
  at: '2026-11-29T12:00:00.000Z',
  target: 'docker',
  outcome: 'deployed',
  version: '1.0.0 ü',
  build: { relay: 'a', 'control-plane': 'b', agent: 'c' },
}

test('has what was appended', async () => {
  const history = await History.read(file)
  await history.append(entry)
  await history.append({ ...entry, number: 2 })
  expect((await History.read(file)).entries).toEqual([entry, { ...entry, number: 2 }])
})

test('drops a line that was cut off, and keeps those before it', async () => {
  await (await History.read(file)).append(entry)
  await appendFile(file, '{"number":2,"at":"2026')
  const history = await History.read(file)
  expect(history.entries).toEqual([entry])
  await history.append({ ...entry, number: 2 })
  expect((await readFile(file, 'utf8')).split('\n').map(line => line.slice(0, 11))).toEqual([
    '{"number":1',
    '{"number":2',
    '',
  ])
})

test('refuses a line that is no entry, and says which', async () => {
  await (await History.read(file)).append(entry)
  await appendFile(file, '{"number":0}\n')
  await expect(History.read(file)).rejects.toThrow(`Cannot read ${file}:2: it is no entry`)
})
