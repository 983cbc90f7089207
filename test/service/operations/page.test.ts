/** Services and upgrades of docs/operations.md, each line as it stands there, under a real systemd. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { LocalMesh } from '../../support/local-mesh.ts'
import { BootedSystem } from '../support/booted-system.ts'
import { opt, releasedPrograms, releases } from '../support/released-programs.ts'

const page = join(import.meta.dirname, '..', '..', '..', 'docs', 'operations.md')
const program = '/usr/local/bin/agent-mesh'

let folder: string
let mesh: LocalMesh
let system: BootedSystem

/** The lines below a heading. @param count how many a test runs: a line more would not be run */
async function lines(heading: string, count: number): Promise<string[]> {
  const text = await readFile(page, 'utf8')
  const [, block = ''] = new RegExp(`^## ${heading}\\n[^]*?\`\`\`sh\\n([^]*?)\`\`\``, 'm').exec(text) ?? []
  const found = block.trim().split('\n')
  expect(found).toHaveLength(count)
  return found
}

const shell = (script: string) =>
  system.run('sh', ['-c', `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; ${script}`])

/** Of a script that must succeed. */
async function well(script: string): Promise<string> {
  const { code, stdout, stderr } = await shell(script)
  expect(code, `${script}: ${stdout}${stderr}`).toBe(0)
  return stdout
}

/** What a line prints with `--json`. */
const json = async (line = ''): Promise<unknown> =>
  JSON.parse(await well(line.replace('agent-mesh', '$& --json')))
/** The small program of tests is no single file, so it has to be named. */
const upgraded = (line = '') => json(`${line} --program ${program}`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operations-'))
  const { shown } = await releasedPrograms(folder)
  mesh = await LocalMesh.start()
  system = await BootedSystem.boot({ [shown]: opt })
  // As install.sh leaves it.
  await well(
    `install --mode=755 ${opt}/0.1.0 ${program} && mkdir -m 700 ${program.replace('agent-mesh', '.$&')}`,
  )
  await well(`echo ${releases}/0.1.0 >/usr/local/bin/.agent-mesh/from`)
  await well(`mkdir -p /run/secrets && echo ${await mesh.token()} >/run/secrets/join-token`)
})
afterAll(async () => {
  await system?.end()
  await mesh?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a service is installed, and its state, logs and readiness are shown', async () => {
  const [install = '', state, follow = '', ready] = await lines('As a service', 5)
  await well(install)
  expect(await json(state)).toMatchObject({ running: true, restarts: 0 })
  // It stays in the foreground: until the first line is there.
  const followed = `{ exec ${follow}; } >/run/followed & until [ -s /run/followed ]; do sleep 0.2; done; kill $!; wait; cat /run/followed`
  expect(await well(followed)).toContain('agent-mesh')
  expect(await json(ready)).toMatchObject({ ready: true, name: 'web-1', version: '0.1.0' })
})

test('it is upgraded to the newest release and to another one, and goes back', async () => {
  const [dryRun, newest, named, back] = await lines('Upgrading a machine', 4)
  expect(await upgraded(dryRun)).toMatchObject({
    outcome: 'planned',
    version: '0.1.1',
    services: ['agent-mesh'],
  })
  expect(await upgraded(newest)).toMatchObject({ outcome: 'upgraded', version: '0.1.1' })
  const here = named?.replace('1.2.3', '0.1.4').replace('https://releases.example.com', releases)
  expect(await upgraded(here)).toMatchObject({ outcome: 'upgraded', version: '0.1.4', before: '0.1.1' })
  expect(await upgraded(back)).toMatchObject({ outcome: 'back', version: '0.1.1', services: ['agent-mesh'] })
  const [, , , ready] = await lines('As a service', 5)
  expect(await json(ready)).toMatchObject({ ready: true, version: '0.1.1' })
})

test('it exposes what the page says at most, and is removed', async () => {
  const [, , , , uninstall] = await lines('As a service', 5)
  const [, most = ''] = /gives it (\d\.\d) of 10 or less/.exec(await readFile(page, 'utf8')) ?? []
  const security = await well('systemd-analyze security --no-pager agent-mesh.service')
  const [, exposure = ''] = /Overall exposure level for agent-mesh.service: (\d+\.\d+)/.exec(security) ?? []
  expect(Number(exposure)).toBeGreaterThan(0)
  expect(Number(exposure)).toBeLessThanOrEqual(Number(most))
  expect(await json(uninstall)).toMatchObject({ removed: true })
})
