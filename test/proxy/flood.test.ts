/** Programs that open many connections to SOCKS and CONNECT of a gateway, while its agent answers. PROXY_CONNECTIONS: how many. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'
import { ProxyFlood } from './proxy-flood.ts'

const count = Number(process.env['PROXY_CONNECTIONS'] ?? 10_000)
/** So much more than before may the agent take at its worst, garbage included, MB (10^6 bytes). */
const mostMb = 200

let workshop: Workshop
let desk: Daemon
const shout = createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {})
  text(socket).then(
    said => socket.end(said.toUpperCase()),
    () => socket.destroy(),
  )
})
const at = (name: string) => ['--data', workshop.folder(name)]
const run = async (name: string, ...args: string[]) => {
  const ran = await runCommand([...args, ...at(name)])
  expect(ran, args.join(' ')).toMatchObject({ code: 0 })
  return ran
}

beforeAll(async () => {
  shout.listen(0, '127.0.0.1')
  await once(shout, 'listening')
  workshop = await openWorkshop()
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const policy = JSON.parse((await run('cp', 'policy', 'get')).stdout) as { grants: object[] }
  policy.grants.push({ from: ['role:agent'], to: ['port:shout'], allow: ['connect'] })
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  await run('cp', 'policy', 'set', workshop.folder('policy.json'))
  await joined(workshop, 'box', upArgs())
  await run('box', 'expose', `${(shout.address() as AddressInfo).port}`, '--as', 'shout')
  desk = await joined(workshop, 'desk', upArgs('--gateway', '127.0.0.1:0'))
})
afterAll(async () => {
  await workshop.end()
  shout.close()
})

const gatewayPort = () => Number(new URL(String(desk.ready['gatewayUrl'])).port)
async function wanted(name: string) {
  const made = await run(
    'desk',
    'gateway',
    'token',
    'create',
    '--name',
    name,
    '--connect',
    'port:*',
    '--json',
  )
  return { port: gatewayPort(), token: String(lastJson(made)['token']), host: 'shout.box.mesh' }
}

/** Resident memory of the agent, MB (10^6 bytes): now, and the most so far. */
async function memory(): Promise<{ now: number; most: number }> {
  const status = await readFile(`/proc/${desk.child.pid}/status`, 'utf8')
  const of = (row: string) =>
    (Number(new RegExp(`^${row}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024) / 1e6
  return { now: of('VmRSS'), most: of('VmHWM') }
}

/** Asks the agent on its socket, one time after the other. @returns ends it; the milliseconds of each answer */
function keepAsking(): () => Promise<number[]> {
  let over = false
  const ask = async () => {
    const socketPath = join(desk.data, 'agent.sock')
    const asked = request({
      socketPath,
      path: '/v1/status',
      agent: false,
      signal: AbortSignal.timeout(20_000),
    })
    const [reply] = (await once(asked.end(), 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    await buffer(reply)
    expect(reply.statusCode).toBe(200)
  }
  const asking = (async () => {
    const times: number[] = []
    while (!over) {
      const began = performance.now()
      await ask()
      times.push(performance.now() - began)
    }
    return times
  })()
  asking.catch(() => {})
  return () => {
    over = true
    return asking
  }
}

/** One program opens the port, as if nothing else ran. */
async function opensFor(to: Awaited<ReturnType<typeof wanted>>): Promise<void> {
  const one = new ProxyFlood(to)
  try {
    await one.open(1)
    await one.settled()
    expect(one.fates).toEqual({ open: 1, refused: 0, closed: 0 })
  } finally {
    one.close()
  }
}

it(`of ${count} connections each is carried, refused or closed; the agent answers meanwhile, in bounded memory`, async () => {
  const [greedy, other] = [await wanted('greedy'), await wanted('other')]
  await vi.waitFor(() => opensFor(greedy), 60_000)
  const before = await memory()
  const flood = new ProxyFlood(greedy)
  const stopAsking = keepAsking()
  try {
    await flood.open(count)
    await flood.settled()
  } finally {
    flood.close()
  }
  const times = (await stopAsking()).sort((a, b) => a - b)
  const after = await memory()
  const slowest = times.at(-1) ?? Infinity
  const { open, refused, closed } = flood.fates
  const figures = { connections: count, open, refused, closed, asked: times.length, slowest, before, after }
  console.info(JSON.stringify(figures))

  expect(open + refused + closed).toBe(count)
  expect(open).toBeGreaterThan(0)
  expect(open).toBeLessThanOrEqual(gatewayDefaults.requestsOfToken)
  expect(refused).toBeGreaterThan(0)
  expect(after.most - before.now).toBeLessThan(mostMb)
  await vi.waitFor(() => opensFor(other), 60_000)
  await vi.waitFor(() => opensFor(greedy), 60_000)
})
