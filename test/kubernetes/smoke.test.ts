/** What `helm test` runs, by the command of this checkout on a real mesh, outside of a cluster. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandFile } from '../support/command.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { chart } from './support/chart.ts'

let folder = ''
let mesh: LocalMesh

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smoke-'))
  mesh = await LocalMesh.start()
})
afterAll(async () => {
  await mesh?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function smoke(): Promise<{ code: number | null; output: string }> {
  const token = join(folder, 'token')
  await writeFile(token, await mesh.token({ ephemeral: true }))
  const env = {
    ...process.env,
    AGENT_MESH_JOIN_FILE: token,
    SMOKE_FOLDER: folder,
    SMOKE_COMMAND: commandFile,
  }
  return new Promise(resolve => {
    const child = execFile(process.execPath, [join(chart, 'files', 'smoke.mjs')], { env }, (_, out, err) =>
      resolve({ code: child.exitCode, output: out + err }),
    )
  })
}

test('it says what is wrong where no relay is', { timeout: 300_000 }, async () => {
  const { code, output } = await smoke()
  expect([code, output]).toEqual([1, expect.stringContaining('failed: the mesh has relays: 0')])
})

test('two agents join, dial each relay, call over one, and leave', { timeout: 300_000 }, async () => {
  const relays = ['relay-0', 'relay-1']
  for (const name of relays) await mesh.relay(name)
  const { code, output } = await smoke()
  expect([code, output]).toEqual([0, expect.stringContaining('over a path of the kind "relay"')])
  for (const name of relays) expect(output).toMatch(new RegExp(`ok: ${name} answers at`))
  expect(output.match(/has left$/gm)).toHaveLength(2)
})
