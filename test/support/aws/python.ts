/** The Python tools of these tests, installed once into folders of their own, as pinned in test/aws/*requirements.txt. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const requirementsFolder = join(import.meta.dirname, '..', '..', 'aws')
const cache = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache')

/** Folder of the installed commands. Rejects with the reason when Python or its venv module is missing. */
export async function pythonTools(file = 'requirements.txt'): Promise<string> {
  const requirements = join(requirementsFolder, file)
  const pins = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cache, `agent-mesh-aws-${pins}`)
  const bin = join(folder, 'bin')
  const complete = join(cache, `agent-mesh-aws-${pins}.complete`)
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
