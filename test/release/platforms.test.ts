/** The single file of each platform that one machine makes: what it is made of, and that it runs where something here can run it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'

import { signedPages } from '../../cli/build/release/code-directory.ts'
import { hashPages } from '../../cli/build/release/mach-o-signature.ts'
import { readMachO } from '../../cli/build/release/mach-o.ts'
import { downloadOf, platforms, type Platform } from '../../cli/build/release/platforms.ts'
import { hasCertificate } from '../../cli/build/release/portable-executable.ts'
import { canTry } from '../support/can-try.ts'
import { versions } from './support/build-releases.ts'
import { formatOf } from './support/executable-format.ts'
import { emulators, longestMs } from './support/emulators.ts'

const run = promisify(execFile)
const [version] = versions
const most = { bytes: 130e6, downloadedBytes: 50e6 }
const canBuild = canTry(
  'single files of other platforms',
  process.platform === 'linux' && process.arch === 'x64',
  'Linux on x64, where they are made',
)

let folder: string
const release = () => join(inject('releases'), version)
const fileOf = ({ name, os }: Platform) => join(folder, `${name}${os === 'win32' ? '.exe' : ''}`)

describe.skipIf(!canBuild)('single files', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platforms-'))
    for (const platform of platforms) {
      const download = await readFile(join(release(), downloadOf(platform)))
      await writeFile(fileOf(platform), gunzipSync(download), { mode: 0o755 })
    }
  })
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

  test.each(platforms)(
    '$name: has its format and processor, the command in it, and a size that may be released',
    async platform => {
      const program = await readFile(fileOf(platform))
      expect(formatOf(program)).toBe(`${platform.os} ${platform.arch}`)
      // Node reads what was put into it when this mark ends with 1.
      expect(program.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1')).toBe(true)
      const { size } = await stat(join(release(), downloadOf(platform)))
      console.log(
        `${platform.name}: ${(program.length / 1e6).toFixed(1)} MB, ${(size / 1e6).toFixed(1)} to download`,
      )
      expect(program.length).toBeLessThan(most.bytes)
      expect(size).toBeLessThan(most.downloadedBytes)
    },
  )

  test.each(platforms.filter(({ os }) => os === 'darwin'))('$name: its signature holds', async platform => {
    const program = await readFile(fileOf(platform))
    const { limit, hashes, identifier } = signedPages(program)
    expect(identifier).toBe('agent-mesh')
    expect(limit).toBe(readMachO(program).signature?.offset)
    expect(hashPages(program, limit).toString('hex')).toBe(hashes.join(''))
  })

  test('that for Windows has no signature: the one of Node does not fit', async () => {
    const [program] = platforms.filter(({ os }) => os === 'win32').map(fileOf)
    expect(hasCertificate(await readFile(program ?? ''))).toBe(false)
  })

  test('the notes name the Node in each, and the bill of materials those and no other', async () => {
    const notes = await readFile(join(release(), 'CHANGES.md'), 'utf8')
    for (const { name } of platforms) expect(notes).toMatch(new RegExp(`\\d+\\.\\d+\\.\\d+ \\(.*${name}`))
    const { components } = JSON.parse(await readFile(join(release(), 'agent-mesh.cdx.json'), 'utf8')) as {
      components: { type: string; version: string }[]
    }
    const named = notes.slice(notes.lastIndexOf('Node in the single files')).match(/\d+\.\d+\.\d+/g)
    const billed = components.filter(({ type }) => type === 'platform').map(each => each.version)
    expect(billed.sort()).toEqual(named?.sort())
  })

  test('the Debian package of arm64 has the file of arm64', async () => {
    const file = join(release(), `agent-mesh_${version}_arm64.deb`)
    const { stdout } = await run('dpkg-deb', ['--field', file, 'Architecture'])
    expect(stdout.trim()).toBe('arm64')
    await run('dpkg-deb', ['--extract', file, join(folder, 'arm64')])
    const packed = await readFile(join(folder, 'arm64/usr/bin/agent-mesh'))
    expect(packed.equals(await readFile(join(folder, 'linux-arm64')))).toBe(true)
  })

  test.for(emulators)('$platform runs in $name', { timeout: longestMs }, async (emulator, context) => {
    const { platform: name, packages, needs, output } = emulator
    const missing = needs.filter(path => !existsSync(path))
    const wanted = `${missing.join(', ')} (Debian: ${packages})`
    if (!canTry(`what is for ${name}`, missing.length === 0, wanted)) return context.skip(wanted)
    const platform = platforms.find(one => one.name === name)
    if (platform === undefined) throw new Error(`${name} is no platform`)
    expect(await output(fileOf(platform), ['--version'], folder)).toBe(version)
  })
})
