/** The example of `up --serve`, served from this checkout by the source and by the bundle. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'

const checkout = join(import.meta.dirname, '..', '..')
const example = join(checkout, 'examples/greeter.ts')
const built = existsSync(join(checkout, 'cli/dist/bundle/main.js'))
const commands = [
  { name: 'the command', file: commandFile, there: true },
  { name: 'the bundled command', file: join(checkout, 'cli/dist/bin/agent-mesh.js'), there: built },
]

let workshop: Workshop
beforeAll(async () => void (workshop = await openWorkshop()))
afterAll(() => workshop.end())

describe.each(commands.filter(({ there }) => there))('$name', ({ name, file }) => {
  it('serves examples/greeter.ts and describes it', async () => {
    const controlPlane = await workshop.start(
      `${name} cp`,
      ['control-plane', '--listen', '127.0.0.1:0'],
      file,
    )
    const ask = async (data: string, ...args: string[]) =>
      lastJson(await runCommand([...args, '--json', '--data', data], {}, file))
    const { token } = await ask(controlPlane.data, 'token', 'create')
    const up = ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns', '--serve', example]
    const agent = await workshop.start(`${name} agent`, up, file, { AGENT_MESH_JOIN: String(token) })
    expect(await ask(agent.data, 'call', 'greeter.hello', '-f', 'name=Ada')).toMatchObject({
      value: { text: 'Hello, Ada.' },
    })
    expect(await ask(agent.data, 'describe', 'host.path')).toMatchObject({
      methods: [{ params: { properties: { to: { type: 'string' } } }, result: { type: 'object' } }],
    })
    expect(await ask(agent.data, 'context', 'show')).toMatchObject({ holds: ['member'], member: 'agent' })
    expect(await ask(agent.data, 'describe', 'greeter')).toMatchObject({
      methods: [{ name: 'hello', params: { properties: { name: { type: 'string' } } } }],
    })
  }, 60_000)

  it('refuses a module that does not exist before it joins', async () => {
    const ran = await runCommand(['up', '--serve', 'nofile.ts', '--data', workshop.folder('new')], {}, file)
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('there is no such file') })
  })
})
