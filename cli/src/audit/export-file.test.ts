import { execFileSync } from 'node:child_process'
import {
  chmod,
  constants,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { writeExport } from './export-file.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'export-file-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

async function* lines(...texts: string[]) {
  for (const text of texts) yield await Promise.resolve(`${text}\n`)
}
async function* failing(code?: string) {
  yield* lines('one')
  throw Object.assign(new Error('the control plane does not answer'), code && { code })
}

test('an export that fails leaves the one before, and nothing else', async () => {
  const file = join(folder, 'audit.jsonl')
  await writeExport(file, lines('before'))
  // A source may fail as a closed folder does.
  for (const code of [undefined, 'EACCES'])
    await expect(writeExport(file, failing(code))).rejects.toThrow('does not answer')
  expect(await readFile(file, 'utf8')).toBe('before\n')
  expect(await readdir(folder)).toEqual(['audit.jsonl'])
})

test('an export replaces what others could read by a file of its owner alone, also through a link', async () => {
  const [file, link] = [join(folder, 'audit.jsonl'), join(folder, 'link')]
  await writeFile(file, 'before')
  await chmod(file, 0o644)
  await symlink(file, link)
  await writeExport(link, lines('one', 'two'))
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await readdir(folder)).sort()).toEqual(['audit.jsonl', 'link'])
})

test.skipIf(process.platform === 'win32')('a pipe is written to, as devices are, and stays', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  await using reader = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  await writeExport(pipe, lines('one', 'two'))
  expect(await reader.readFile('utf8')).toBe('one\ntwo\n')
  expect((await stat(pipe)).isFIFO()).toBe(true)
})

test('a file beside which there can be no other is overwritten once all is gathered', async () => {
  // The name of the file beside it would be too long.
  const file = join(folder, 'a'.repeat(250))
  await writeFile(file, 'the one before, of more bytes')
  await expect(writeExport(file, failing())).rejects.toThrow('does not answer')
  expect(await readFile(file, 'utf8')).toBe('the one before, of more bytes')
  await chmod(file, 0o644)
  await writeExport(file, lines('one'))
  expect(await readFile(file, 'utf8')).toBe('one\n')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('a folder that does not exist is named', async () => {
  const file = join(folder, 'missing', 'audit.jsonl')
  await expect(writeExport(file, lines('one'))).rejects.toThrow(`Cannot write ${file}: ENOENT`)
})
