/** The script that installs the single file takes the download of the machine that it runs on. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { downloadOf, platforms } from '../../cli/build/release/platforms.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, '..', '..', 'deploy/install.sh')
const unix = platforms.filter(({ os }) => os !== 'win32')
/** What uname(1) says, `-s` and `-m`. */
const machines: Record<string, readonly [string, string]> = {
  'linux-x64': ['Linux', 'x86_64'],
  'linux-arm64': ['Linux', 'aarch64'],
  'darwin-x64': ['Darwin', 'x86_64'],
  'darwin-arm64': ['Darwin', 'arm64'],
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'install-'))
  const release = join(folder, 'release')
  await mkdir(release)
  let sums = ''
  for (const platform of unix) {
    const download = gzipSync(`#!/bin/sh\necho ${platform.name}\n[ "$1" = --version ] || echo "ran: $*"\n`)
    await writeFile(join(release, downloadOf(platform)), download)
    sums += `${createHash('sha256').update(download).digest('hex')}  ${downloadOf(platform)}\n`
  }
  await writeFile(join(release, 'SHA256SUMS'), sums)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** On a machine that calls itself so. */
async function install(
  name: string,
  [system, processor]: readonly [string, string],
  options: readonly string[] = [],
) {
  const bin = join(folder, `${name}-commands`)
  await mkdir(bin)
  const uname = `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${processor}\n`
  await writeFile(join(bin, 'uname'), uname, { mode: 0o755 })
  const args = [script, '--from', `file://${join(folder, 'release')}`, '--to', join(folder, name), ...options]
  return run('sh', args, { env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` } })
}

test.each(unix)('$name: it installs the program of the machine', async ({ name }) => {
  const machine = machines[name]
  if (machine === undefined) throw new Error(`what uname says on ${name} is not known`)
  const { stdout } = await install(name, machine)
  expect(stdout).toContain(`agent-mesh ${name} is ${join(folder, name, 'agent-mesh')}`)
  expect(await readFile(join(folder, name, 'agent-mesh'), 'utf8')).toContain(`echo ${name}`)
})

test('it says what to do where there is no program', async () => {
  await expect(install('other', ['FreeBSD', 'amd64'])).rejects.toThrow(
    'there is no program for FreeBSD on amd64; with Node 22.15 or newer: npm install --global agent-mesh',
  )
})

test('it installs the service with the file of its join token', async () => {
  const { stdout } = await install('service', ['Linux', 'x86_64'], ['--service', '--join', '@/run/token'])
  expect(stdout).toMatch(/^ran: service install( --user)? --join @\/run\/token$/m)
})

test('it tells its options, and refuses a join token that no service would use', async () => {
  expect((await run('sh', [script, '--help'])).stdout).toMatch(/^usage: install.sh --from URL/)
  await expect(install('tokens', ['Linux', 'x86_64'], ['--join', '@/run/token'])).rejects.toThrow('--service')
})
