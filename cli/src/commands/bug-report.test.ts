import { chmod, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import { runProgram } from '../program.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bug-report-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

// As root, a rename would replace /dev/null and /dev/stdout for all processes of the machine.
it('is written into what a name leads to, for its owner alone, and the name stays', async () => {
  const [file, link] = [join(folder, 'report.json'), join(folder, 'link')]
  await writeFile(file, 'before')
  await chmod(file, 0o644)
  await symlink(file, link)
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  expect(await runProgram(['bug-report', '--out', link, '--data', join(folder, 'data')])).toBe(exitCodes.ok)
  expect(await readlink(link)).toBe(file)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('version')
})
