/**
 * `npm run release -- [--version V] [--out DIR] [--platforms NAMES] [--json]`: what a release consists of, in DIR; publishes nothing.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { readManifest } from '../manifest.ts'
import { billOfMaterials } from './bill-of-materials.ts'
import { changelogSection } from './changelog-section.ts'
import { checksums } from './checksums.ts'
import { buildCommand } from './command-package.ts'
import { buildLibrary } from './library-package.ts'
import { installPrograms, nodeVersions, programParts, sayNodeVersions } from './node-programs.ts'
import { checkPackage, packInto } from './pack.ts'
import { buildPlatform } from './platform-files.ts'
import { chosenPlatforms } from './platforms.ts'
import { installTools } from './tools.ts'
import { endWrongly, scriptOptions } from '../../../test/support/script-options.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const usage = `Usage: npm run release -- [--version V] [--out DIR] [--platforms NAMES] [--json]

  --version V        of the packages, such as 1.2.3 or 1.2.3-rc.1; else that of package.json
  --out DIR          where it goes, dist/V unless given
  --platforms NAMES  of single files, with commas between them; else all (on Linux on x64)
  --json             what was made, as one line`
const { values } = scriptOptions(usage, {
  version: { type: 'string' },
  out: { type: 'string' },
  platforms: { type: 'string' },
  json: { type: 'boolean' },
})
const version = values.version ?? (await readManifest(root, '.')).version
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
  endWrongly(`Cannot release ${version}: --version takes a version such as 1.2.3 or 1.2.3-rc.1`, usage)
const out = resolve(values.out ?? join(root, 'dist', version))
// What is put into a program is made by a Node that runs here.
const canBuild = process.platform === 'linux' && process.arch === 'x64'
const platforms = canBuild || values.platforms !== undefined ? chosen(values.platforms) : []
if (!canBuild && platforms.length > 0)
  throw new Error('Cannot release single files here: it takes Linux on x64')

await installTools()
if (platforms.length > 0) await installPrograms()
await mkdir(out, { recursive: true })
const work = await mkdtemp(join(out, '.work-'))
try {
  const files = await build()
  await copyFile(join(root, 'deploy/install.sh'), join(out, 'install.sh'))
  files.push('install.sh')
  await writeFile(join(out, 'SHA256SUMS'), await checksums(out, files))
  const all = [...files, 'SHA256SUMS']
  console.log(
    values.json === true ? JSON.stringify({ version, out, files: all }) : `${out}: ${all.join(', ')}`,
  )
} finally {
  await rm(work, { recursive: true, force: true })
}

function chosen(names: string | undefined): ReturnType<typeof chosenPlatforms> {
  try {
    return chosenPlatforms(names)
  } catch (error) {
    endWrongly((error as Error).message, usage)
  }
}

/** @returns the names of what it made */
async function build(): Promise<string[]> {
  const library = join(work, 'agent')
  const command = join(work, 'agent-mesh')
  await Promise.all([library, command].map(folder => mkdir(folder)))
  const bundles = await Promise.all([
    buildLibrary(root, library, version),
    buildCommand(root, command, version),
  ])
  const packages = await Promise.all([library, command].map(folder => packInto(folder, out)))
  await Promise.all(packages.map(file => checkPackage(join(out, file))))
  const programs: string[] = []
  for (const platform of platforms)
    programs.push(...(await buildPlatform(root, platform, command, version, work, out)))
  return [...packages, ...programs, ...(await documents(bundles))]
}

async function documents(bundles: Awaited<ReturnType<typeof buildCommand>>[]): Promise<string[]> {
  const nodes = await nodeVersions(platforms)
  const sbom = await billOfMaterials(root, version, bundles, programParts(platforms), nodes)
  await writeFile(join(out, 'agent-mesh.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`)
  const changes = changelogSection(await readFile(join(root, 'CHANGELOG.md'), 'utf8'), version)
  const node = platforms.length > 0 ? `\n${await sayNodeVersions(platforms)}\n` : ''
  await writeFile(join(out, 'CHANGES.md'), changes + node)
  return ['agent-mesh.cdx.json', 'CHANGES.md']
}
