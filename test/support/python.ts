/** Python tools of tests, installed once into folders of their own, as pinned in their requirements files. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const tests = join(import.meta.dirname, '..')
const cache = join(tests, '..', 'node_modules', '.cache')

/**
 * Folder of the installed commands. Rejects with the reason when Python or its venv module is missing.
 * @param file requirements, from the folder of the tests
 */
export async function pythonTools(file = 'aws/requirements.txt'): Promise<string> {
  const requirements = join(tests, file)
  const pins = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cache, `python-tools-${pins}`)
  const bin = join(folder, 'bin')
  const complete = join(cache, `python-tools-${pins}.complete`)
  if (existsSync(complete)) return bin
  await rm(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder])
  await run(join(bin, 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    requirements,
  ])
  await run('touch', [`${complete}.new`])
  await rename(`${complete}.new`, complete)
  return bin
}
