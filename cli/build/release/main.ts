/** `npm run release -- [--version V] [--out DIR] [--json]`: what a release consists of, in DIR; publishes nothing. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { buildCommand } from './command-package.ts'
import { buildLibrary } from './library-package.ts'
import { checkPackage, packInto } from './pack.ts'
import { readManifest } from './package-files.ts'
import { installTools } from './tools.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const { values } = parseArgs({
  options: { version: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } },
})
const version = values.version ?? (await readManifest(root, '.')).version
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
  throw new Error(`Cannot release ${version}: --version takes a version such as 1.2.3 or 1.2.3-rc.1`)
const out = resolve(values.out ?? join(root, 'dist', version))

await installTools()
await mkdir(out, { recursive: true })
const work = await mkdtemp(join(out, '.work-'))
try {
  const library = join(work, 'agent')
  const command = join(work, 'agent-mesh')
  await Promise.all([library, command].map(folder => mkdir(folder)))
  await Promise.all([buildLibrary(root, library, version), buildCommand(root, command, version)])
  const files = []
  for (const folder of [library, command]) {
    const file = await packInto(folder, out)
    await checkPackage(join(out, file))
    files.push(file)
  }
  console.log(values.json === true ? JSON.stringify({ version, out, files }) : `${out}: ${files.join(', ')}`)
} finally {
  await rm(work, { recursive: true, force: true })
}
