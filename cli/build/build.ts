import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { bundleCommand } from './bundle.ts'
import { compileRooms } from './compile.ts'
import { nativeWebRtc, publishableManifest, readManifest, type Manifest } from './manifest.ts'

/**
 * `npm run build`: a publishable folder `dist` for each library room (JavaScript, types, a package.json of its
 * own) and for the command, which is bundled so that it starts fast and brings no dependencies; `build.ts command [DIR]`
 * makes the command alone.
 */
const root = join(import.meta.dirname, '..', '..')
const libraries = ['protocol', 'agent', 'relay', 'lambdas']

async function writeManifest(dist: string, manifest: Manifest) {
  await writeFile(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await cp(join(root, 'LICENSE'), join(dist, 'LICENSE'))
}

async function buildLibraries() {
  await compileRooms(root, libraries)
  for (const room of libraries)
    await writeManifest(
      join(root, room, 'dist'),
      publishableManifest(await readManifest(root, room), 'library'),
    )
  await mkdir(join(root, 'protocol/dist/openapi'), { recursive: true })
  await cp(join(root, 'protocol/openapi/openapi.json'), join(root, 'protocol/dist/openapi/openapi.json'))
}

async function buildCommand(dist: string) {
  await rm(dist, { recursive: true, force: true })
  await bundleCommand(root, join(dist, 'bundle'))
  await cp(join(root, 'cli/bin'), join(dist, 'bin'), { recursive: true })
  const { optionalDependencies: node = {} } = await readManifest(root, '.')
  await writeManifest(dist, {
    ...publishableManifest(await readManifest(root, 'cli'), 'command'),
    optionalDependencies: { ...node, ...(await nativeWebRtc(root)) },
  })
}

const commandOnly = process.argv[2] === 'command'
const dist = resolve((commandOnly ? process.argv[3] : undefined) ?? join(root, 'cli/dist'))
await Promise.all([commandOnly ? undefined : buildLibraries(), buildCommand(dist)])
console.log(`built ${[...(commandOnly ? [] : libraries.map(room => `${room}/dist`)), dist].join(', ')}`)
