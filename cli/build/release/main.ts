/** `npm run release -- [--version V] [--out DIR] [--json]`: what a release consists of, in DIR; publishes nothing. */
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'

import { nativeWebRtc, readManifest } from '../manifest.ts'
import { billOfMaterials } from './bill-of-materials.ts'
import { changelogSection } from './changelog-section.ts'
import { checksums } from './checksums.ts'
import { buildCommand } from './command-package.ts'
import { buildDebianPackage } from './debian-package.ts'
import { buildLibrary } from './library-package.ts'
import { checkPackage, packInto } from './pack.ts'
import { buildSingleFile } from './single-file.ts'
import { installTools } from './tools.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const mostDownloadedBytes = 50e6
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
  return [...packages, ...(await platformFiles(command)), ...(await documents(bundles))]
}

/** Those for this platform alone. */
async function platformFiles(command: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const program = join(work, 'program-file')
  await buildSingleFile(root, command, join(work, 'single-file'), program)
  const name = `agent-mesh-${process.platform}-${process.arch}.gz`
  await pipeline(createReadStream(program), createGzip({ level: 9 }), createWriteStream(join(out, name)))
  const { size } = await stat(join(out, name))
  if (size > mostDownloadedBytes)
    throw new Error(`Cannot release: ${name} has ${size} bytes, at most ${mostDownloadedBytes}`)
  return [name, await buildDebianPackage(root, program, version, work, out)]
}

async function documents(bundles: Awaited<ReturnType<typeof buildCommand>>[]): Promise<string[]> {
  const native = Object.keys(await nativeWebRtc(root)).map(name => `node_modules/${name}`)
  const present = await Promise.all(
    native.map(folder =>
      stat(join(root, folder)).then(
        () => [folder],
        () => [],
      ),
    ),
  )
  const sbom = await billOfMaterials(root, version, bundles, present.flat())
  await writeFile(join(out, 'agent-mesh.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`)
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8')
  await writeFile(join(out, 'CHANGES.md'), changelogSection(changelog, version))
  return ['agent-mesh.cdx.json', 'CHANGES.md']
}
