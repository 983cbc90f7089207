import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon

const quiet = ['--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0']

async function token(...args: string[]): Promise<string> {
  const made = await runCommand(['token', 'create', '--json', ...args, '--data', controlPlane.data])
  return String(lastJson(made)['token'])
}

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop.end())

describe('agent-mesh up', () => {
  it('joins by a token in a file, which the process list does not show, and restarts without the file', async () => {
    const file = workshop.folder('token')
    const secret = await token()
    await writeFile(file, `${secret}\n`)
    const first = await workshop.start('a', ['up', '--join', `@${file}`, ...quiet])
    if (process.platform === 'linux')
      expect(await readFile(`/proc/${first.child.pid}/cmdline`, 'utf8')).not.toContain(secret)
    expect(await first.end()).toEqual([0, null])
    await rm(file)
    const again = await workshop.start('a', ['up', '--join', `@${file}`, ...quiet])
    expect(again.ready['peerId']).toBe(first.ready['peerId'])
    await again.end()
  })

  it('takes the token as an argument, too', async () => {
    const daemon = await workshop.start('b', ['up', await token(), ...quiet])
    await daemon.end()
  })

  it('takes it from the environment', async () => {
    const file = workshop.folder('env-token')
    await writeFile(file, 'garbage')
    const up = ['up', '--json', '--data', workshop.folder('c')]
    for (const env of [{ AGENT_MESH_JOIN: 'garbage' }, { AGENT_MESH_JOIN_FILE: file }])
      expect(lastJson(await runCommand(up, env))).toMatchObject({ error: { code: 'token_invalid' } })
    expect(
      lastJson(await runCommand([...up, '--join', 'amj1.x'], { AGENT_MESH_JOIN: 'garbage' })),
    ).toMatchObject({
      error: { message: expect.stringContaining('parts') as string },
    })
  })

  it.each([
    [['--join', ''], 2],
    [['--join', '--name', 'edge-1'], 2],
    [['--join', '-'], 2],
    [['--join', 'x', 'y'], 2],
    [['--join', '@/does/not/exist'], 7],
    [['--join', 'garbage'], 4],
    [[], 4],
  ])('with %j ends with %i and leaves no folder', async (args, code) => {
    const data = workshop.folder('none')
    expect((await runCommand(['up', ...args, '--data', data])).code).toBe(code)
    expect(existsSync(data)).toBe(false)
  })
})
