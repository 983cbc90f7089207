/** `agent-mesh publish` and `agent-mesh subscribe`, between real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'

let workshop: Workshop
const data: Record<string, string> = {}
beforeAll(async () => {
  workshop = await openWorkshop()
  const controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  for (const name of ['sensor', 'screen']) {
    const create = ['token', 'create', '--name', name, '--json', '--data', controlPlane.data]
    const { token } = lastJson(await runCommand(create))
    const up = ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
    data[name] = (await workshop.start(name, up, commandFile, { AGENT_MESH_JOIN: String(token) })).data
  }
})
afterAll(() => workshop.end())

const at = (name: string) => ['--data', String(data[name])]
const published = async (value: string, ...more: string[]) =>
  (await runCommand(['publish', 'alerts.disk', value, '--timeout', '1s', ...more, ...at('sensor')])).code

it('messages cross from one machine to the next until Ctrl-C; the last value waits for who comes later', async () => {
  const args = [commandFile, 'subscribe', 'alerts.*', '--json', ...at('screen')]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const complaints = child.stderr.toArray()
  const values: unknown[] = []
  createInterface({ input: child.stdout }).on('line', line =>
    values.push((JSON.parse(line) as { value: unknown }).value),
  )
  await vi.waitFor(async () => expect(await published('"first"', '--acks', '1')).toBe(0), 60_000)
  expect(await published('{"free":12}', '--retain')).toBe(0)
  await vi.waitFor(() => expect(values.at(-1)).toEqual({ free: 12 }), 20_000)
  expect(values).toContain('first')
  child.kill('SIGINT')
  expect(await exited).toEqual([130, null])
  expect(Buffer.concat(await complaints).toString()).toBe('')
  await vi.waitFor(async () => expect(await published('1', '--acks', '1')).toBe(5), 60_000)
  const last = await runCommand(['subscribe', 'alerts.disk', '--count', '1', '--json', ...at('screen')])
  expect(lastJson(last)).toMatchObject({ value: { free: 12 }, retained: true, from: { name: 'sensor' } })
})
