/** A region that fails as a whole, under load of a caller in it: real processes that are killed, or stopped with their sockets open. */
import { createAgent, defineService, type Agent } from '@agent-mesh/agent'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { silent } from '../support/local-mesh.ts'
import { quickest } from '../support/quickest.ts'
import { steadyCalls } from '../support/steady-calls.ts'

const checkout = join(import.meta.dirname, '..', '..')
const perSecond = 40
const within = { timeout: 90_000, interval: 50 }
const boundMs = 5_000

const where = defineService({
  name: 'where',
  version: 1,
  methods: { am: { params: z.null(), result: z.string(), idempotent: true } },
})
const whereModule = (region: string) => `
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
export const where = {
  contract: { name: 'where', version: 1, methods: { am: { params: z.null(), result: z.string(), idempotent: true } } },
  handlers: { am: () => ${JSON.stringify(region)} },
}
`

let workshop: Workshop
let controlPlane: Daemon
/** Of the region that fails, by name: the process, and how it is started again. */
const failing = new Map<string, { daemon: Daemon; again: string[] }>()

const token = async (...args: string[]) =>
  String(
    lastJson(await runCommand(['token', 'create', '--json', '--data', controlPlane.data, ...args]))['token'],
  )

async function start(region: string, name: string, again: string[], join: string[]): Promise<void> {
  const daemon = await workshop.start(name, [...again, '--join', await token('--region', region, ...join)])
  if (region === 'eu') failing.set(name, { daemon, again })
}

async function startRegion(region: string): Promise<void> {
  const relay = ['relay', '--stun-port', '0', '--name', `${region}-relay`]
  const address = ['--listen', `/ip4/127.0.0.1/tcp/${await freePort()}`]
  await start(region, `${region}-relay`, [...relay, ...address], ['--role', 'relay'])
  const file = join(workshop.folder('services'), `${region}.ts`)
  await writeFile(file, whereModule(region))
  const names = [`${region}-1`, `${region}-2`]
  const up = ['up', '--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0', '--serve', file]
  await Promise.all(names.map(name => start(region, name, [...up, '--name', name], [])))
}

beforeAll(async () => {
  workshop = await openWorkshop()
  await mkdir(workshop.folder('services'))
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await startRegion('eu')
  await startRegion('us')
})
afterAll(() => workshop.end())

interface Answer {
  /** ms on the clock of this process. */
  at: number
  region: string
}

/** A caller of the region that fails, its steady calls, and what they were answered. */
async function load(name: string) {
  const agent: Agent<readonly [typeof where]> = await createAgent({
    ...{ data: workshop.folder(name), join: await token('--region', 'eu'), name },
    ...{ listen: ['/ip4/127.0.0.1/tcp/0'], contracts: [where] as const, log: silent },
  })
  const providers = () => agent.services().find(({ service }) => service === 'where@1')?.providers
  await vi.waitFor(() => expect(providers()).toHaveLength(4), within)
  const answers: Answer[] = []
  const calls = steadyCalls(perSecond, async () => {
    const region = await agent.call('where.am', null, { timeout: 20_000 })
    answers.push({ at: performance.now(), region })
  })
  /** The share of the last `count` answers that came from a region. */
  const share = (region: string, count = perSecond) => {
    const last = answers.slice(-count)
    return last.filter(answer => answer.region === region).length / count
  }
  await vi.waitFor(() => expect(share('eu')).toBeGreaterThan(0.9), within)
  const stop = async () => {
    const ended = await calls.stop()
    await agent.stop()
    return ended
  }
  return { answers, share, stop }
}

/** ms until 95 % of the answers of a second came from elsewhere: those at least that a second has. */
function msUntilElsewhere(answers: readonly Answer[], since: number): number {
  const after = answers.filter(({ at }) => at >= since)
  for (let i = perSecond; i <= after.length; i++) {
    const elsewhere = after.slice(i - perSecond, i).filter(({ region }) => region === 'us').length
    if (elsewhere >= 0.95 * perSecond) return after[i - 1]!.at - since
  }
  return Infinity
}

const all = (act: (name: string, daemon: Daemon) => unknown) =>
  Promise.all([...failing].map(([name, { daemon }]) => act(name, daemon)))

async function restart(): Promise<void> {
  await Promise.all(
    [...failing].map(async ([name, known]) => {
      known.daemon = await workshop.start(name, known.again)
    }),
  )
}

let callers = 0

/** One outage: no call fails in it, and the region gets its calls back little by little. @returns ms until the calls went elsewhere */
async function outage(fail: () => Promise<unknown>, restore: () => Promise<unknown>): Promise<number> {
  const { answers, share, stop } = await load(`caller-${++callers}`)
  const began = performance.now()
  await fail()
  // Long enough to be an outage, no restart: 5 s.
  await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(20_000), within)
  const ms = msUntilElsewhere(answers, began)
  await restore()
  await vi.waitFor(
    () => expect(answers.slice(-perSecond).some(({ region }) => region === 'eu')).toBe(true),
    within,
  )
  const back = performance.now()
  const early = answers.length
  await vi.waitFor(() => expect(performance.now() - back).toBeGreaterThan(20_000), within)
  // An eighth of the two minutes: the mean of the ramp is a sixteenth by then.
  expect(share('eu', answers.length - early)).toBeLessThan(0.3)
  expect((await stop()).flatMap(({ error }) => error ?? [])).toEqual([])
  return ms
}

test('95 % of the calls go elsewhere within 5 s after the processes of a region were killed', async () => {
  const ms = await quickest(boundMs, () => outage(() => all((_, { end }) => end('SIGKILL')), restart))
  console.log(`killed: 95 % elsewhere after ${Math.round(ms)} ms`)
  expect(ms).toBeLessThan(boundMs)
}, 600_000)

test('95 % of the calls go elsewhere within 5 s after the processes of a region were stopped', async () => {
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => all((_, { child }) => child.kill(name))
  const ms = await quickest(boundMs, () =>
    outage(
      () => signal('SIGSTOP'),
      () => signal('SIGCONT'),
    ),
  )
  console.log(`stopped: 95 % elsewhere after ${Math.round(ms)} ms`)
  expect(ms).toBeLessThan(boundMs)
}, 600_000)
