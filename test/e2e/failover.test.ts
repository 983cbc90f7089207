/** What callers see of providers that fall silent and of relays that die, with real processes, under load. */
import { createAgent, defineService, type Agent } from '@agent-mesh/agent'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { silent } from '../support/local-mesh.ts'
import { quickest } from '../support/quickest.ts'
import { percentile, steadyCalls, type CallEnded, type SteadyCalls } from '../support/steady-calls.ts'

const checkout = join(import.meta.dirname, '..', '..')
const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']
const perSecond = 40

const pace = defineService({
  name: 'pace',
  version: 1,
  methods: { name: { params: z.null(), result: z.string(), idempotent: true } },
})
/** Answers with the name of its process after 10 ms. */
const paceModule = (name: string) => `
import { setTimeout as delay } from 'node:timers/promises'
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
export const pace = {
  contract: { name: 'pace', version: 1, methods: { name: { params: z.null(), result: z.string(), idempotent: true } } },
  handlers: { name: () => delay(10, ${JSON.stringify(name)}) },
}
`

let workshop: Workshop
let controlPlane: Daemon
const providers = new Map<string, Daemon>()
const relays: { name: string; port: number; daemon: Daemon }[] = []
const callers: Agent<readonly [typeof pace]>[] = []

const token = async (...args: string[]) =>
  String(
    lastJson(await runCommand(['token', 'create', '--json', '--data', controlPlane.data, ...args]))['token'],
  )

const relayArgs = (name: string, port: number) => [
  'relay',
  '--name',
  name,
  '--listen',
  `/ip4/127.0.0.1/tcp/${port}`,
]

/** A program in this process that calls. */
async function callerOf(name: string, paths: 'any' | 'relay') {
  const agent = await createAgent({
    data: workshop.folder(name),
    join: await token(),
    name,
    listen: paths === 'relay' ? [] : ['/ip4/127.0.0.1/tcp/0'],
    paths,
    contracts: [pace] as const,
    log: silent,
  })
  callers.push(agent)
  const online = () => agent.peers().flatMap(peer => (peer.online ? [peer.name] : []))
  await vi.waitFor(() => expect(online()).toEqual(expect.arrayContaining([...providers.keys()])), 60_000)
  await answeredByAll(agent)
  return agent
}

async function answeredByAll(agent: (typeof callers)[number]): Promise<void> {
  const answers = new Set<string>()
  await vi.waitFor(async () => {
    answers.add(await agent.call('pace.name', null))
    expect(answers.size).toBe(providers.size)
  }, 60_000)
}

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const relayToken = await token('--role', 'relay', '--uses', '2')
  for (const name of ['relay-1', 'relay-2']) {
    const port = await freePort()
    const daemon = await workshop.start(name, [...relayArgs(name, port), '--join', relayToken])
    relays.push({ name, port, daemon })
  }
  const joinToken = await token('--uses', '2')
  await mkdir(workshop.folder('services'))
  await Promise.all(
    ['ada', 'ben'].map(async name => {
      const file = join(workshop.folder('services'), `${name}.ts`)
      await writeFile(file, paceModule(name))
      const args = ['up', '--join', joinToken, '--name', name, '--serve', file, ...loopback]
      providers.set(name, await workshop.start(name, args))
    }),
  )
})
afterAll(async () => {
  await Promise.all(callers.map(agent => agent.stop()))
  await workshop.end()
})

const failures = (calls: readonly CallEnded[]) => calls.flatMap(({ error }) => error ?? [])

/** Waits until the calls of so many seconds have ended: a fault lasts as long as its load. */
function answered(calls: SteadyCalls, seconds: number): Promise<boolean> {
  const enough = calls.ended.length + seconds * perSecond
  return vi.waitUntil(() => calls.ended.length >= enough, { timeout: 60_000, interval: 50 })
}

describe('an idempotent call', () => {
  it('is answered by the other provider when one is stopped', async () => {
    const caller = await callerOf('direct', 'any')
    const { child } = providers.get('ada')!
    /** @returns ms that 99 % of the calls took at most */
    const freeze = async () => {
      await answeredByAll(caller)
      const calls = steadyCalls(perSecond, () => caller.call('pace.name', null, { timeout: 20_000 }))
      await vi.waitUntil(() => calls.ended.length > perSecond, 20_000)
      child.kill('SIGSTOP')
      try {
        await answered(calls, 8)
        const ended = await calls.stop()
        expect(failures(ended)).toEqual([])
        // Once the failure is known, no caller asks it first.
        const late = await Promise.all(Array.from({ length: 20 }, () => caller.call('pace.name', null)))
        expect(new Set(late)).toEqual(new Set(['ben']))
        return percentile(ended, 0.99)
      } finally {
        child.kill('SIGCONT')
      }
    }
    expect(await quickest(4_000, freeze)).toBeLessThan(4_000)
  })

  it('survives a relay under it that dies and comes back, and one that freezes', async () => {
    const caller = await callerOf('relayed', 'relay')
    const calls = steadyCalls(perSecond, () => caller.call('pace.name', null, { timeout: 20_000 }))
    await vi.waitUntil(() => calls.ended.length > perSecond, 20_000)
    const [one, other] = relays
    await one!.daemon.end('SIGKILL')
    await answered(calls, 1)
    one!.daemon = await workshop.start(one!.name, relayArgs(one!.name, one!.port))
    const reserved = () => caller.status().relays.map(({ name }) => name)
    await vi.waitFor(() => expect(reserved()).toContain(one!.name), 60_000)

    const { child } = other!.daemon
    child.kill('SIGSTOP')
    try {
      await answered(calls, 6)
    } finally {
      child.kill('SIGCONT')
    }
    expect(failures(await calls.stop())).toEqual([])
  })
})
