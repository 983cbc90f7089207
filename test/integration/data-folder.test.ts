import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const owned = (name: string, kind: string, pid: unknown) =>
  `conflict: Cannot use data folder ${mesh.data(name)}: agent-mesh ${kind} (pid ${String(pid)}) owns it`

/** A process that runs the agent of `name` until it is killed. */
async function agentProcess(name: string) {
  const root = join(import.meta.dirname, '..', '..', 'agent', 'src', 'index.ts')
  const script = `
    const { createAgent, createLogger } = await import(${JSON.stringify(root)})
    const [data] = process.argv.slice(1)
    await createAgent({ data, listen: [], log: createLogger('test', 'silent') })
    console.log('up')`
  const args = ['--input-type=module', '-e', script, mesh.data(name)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

describe('the data folder of a member', () => {
  test('is refused to a second agent of the same process, and free once the first has stopped', async () => {
    const first = await mesh.agent({ name: 'a' })
    expect(await refusal(mesh.agent({ name: 'a' }))).toBe(owned('a', 'agent', process.pid))
    await first.stop()
    expect((await mesh.agent({ name: 'a' })).peerId).toBe(first.peerId)
  })

  test('is refused while another process runs the agent, and free at once when that is killed', async () => {
    await (await mesh.agent({ name: 'a' })).stop()
    const child = await agentProcess('a')
    try {
      expect(await refusal(mesh.agent({ name: 'a' }))).toBe(owned('a', 'agent', child.pid))
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await mesh.agent({ name: 'a' })
  })

  test('is refused to an agent while a relay runs in it', async () => {
    await mesh.relay('r')
    expect(await refusal(mesh.agent({ name: 'r' }))).toBe(owned('r', 'relay', process.pid))
  })
})
