/** `agent-mesh stream` and raw bytes, between real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'

/** Yields until it is cancelled; upper-cases what it is sent; turns bytes around. */
const service = `
import { defineService, implementService } from '@agent-mesh/agent'
import * as z from 'zod'
const bytes = z.instanceof(Uint8Array)
const feed = defineService({ name: 'feed', version: 1, methods: {
  count: { params: z.object({ from: z.number() }), yields: z.number(), result: z.unknown() },
  shout: { params: z.unknown(), takes: z.string(), yields: z.string(), result: z.unknown() },
  open: { params: z.unknown(), result: z.number() },
  turned: { params: bytes, result: bytes },
} })
let open = 0
export default implementService(feed, {
  count: async function* ({ from }, { signal }) {
    open++
    try {
      for (let n = from; !signal.aborted; n++) {
        yield n
        if (n === from + 2) await new Promise(resolve => signal.addEventListener('abort', resolve))
      }
    } finally {
      open--
    }
  },
  shout: async function* (_, { input }) {
    for await (const text of input) yield text.toUpperCase()
  },
  open: () => open,
  turned: given => Uint8Array.from(given).reverse(),
})
`

let workshop: Workshop
let data = ''
beforeAll(async () => {
  workshop = await openWorkshop()
  const controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const file = workshop.folder('feed.ts')
  await writeFile(file, service)
  const join = async (name: string, ...args: string[]) => {
    const create = ['token', 'create', '--name', name, '--json', '--data', controlPlane.data]
    const { token } = lastJson(await runCommand(create))
    const up = ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns', ...args]
    return workshop.start(name, up, commandFile, { AGENT_MESH_JOIN: String(token) })
  }
  await join('server', '--serve', file)
  data = (await join('client')).data
})
afterAll(() => workshop.end())

const open = async () =>
  lastJson(await runCommand(['call', 'feed.open', 'null', '--json', '--data', data]))['value']

describe('agent-mesh stream', () => {
  it('writes messages as they come, and Ctrl-C ends the handler at the other agent', async () => {
    const args = [commandFile, 'stream', 'feed.count', '-F', 'from=7', '--peer', 'server', '--data', data]
    await vi.waitFor(async () => expect(await open()).toBe(0), 60_000)
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const exited = once(child, 'exit')
    const complaints = child.stderr.toArray()
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', line => lines.push(line))
    await vi.waitFor(() => expect(lines).toEqual(['7', '8', '9']), 20_000)
    expect(await open()).toBe(1)
    child.kill('SIGINT')
    expect(await exited).toEqual([130, null])
    expect(Buffer.concat(await complaints).toString()).toBe('')
    await vi.waitFor(async () => expect(await open()).toBe(0), 20_000)
  })

  it('sends lines of standard input, and carries bytes to the callee and back', async () => {
    const child = spawn(process.execPath, [
      commandFile,
      'stream',
      'feed.shout',
      '--input',
      '-',
      '--data',
      data,
    ])
    child.stdin.end('"a"\n"ß"\n')
    expect(Buffer.concat(await child.stdout.toArray()).toString()).toBe('"A"\n"SS"\n')
    const file = workshop.folder('bytes')
    await writeFile(file, Buffer.from([1, 2, 255]))
    const { stdout } = await runCommand(['call', 'feed.turned', '--bytes', file, '--json', '--data', data])
    expect(JSON.parse(stdout)).toMatchObject({ bytes: '/wIB' })
  })
})
