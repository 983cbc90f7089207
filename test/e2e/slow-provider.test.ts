/** What callers see of one slow provider among others: real processes, calls at their own pace. */
import { createAgent, defineService, type Agent } from '@agent-mesh/agent'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import * as z from 'zod'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { silent } from '../support/local-mesh.ts'

const checkout = join(import.meta.dirname, '..', '..')
const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']

const pace = defineService({
  name: 'pace',
  version: 1,
  methods: { name: { params: z.null(), result: z.string(), idempotent: true } },
})
/** Answers with the name of its process after `ms`. */
const paceModule = (name: string, ms: number) => `
import { setTimeout as delay } from 'node:timers/promises'
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
export const pace = {
  contract: { name: 'pace', version: 1, methods: { name: { params: z.null(), result: z.string(), idempotent: true } } },
  handlers: { name: () => delay(${ms}, ${JSON.stringify(name)}) },
}
`
const providers = { ada: 5, ben: 5, slow: 1_000 }

let workshop: Workshop
let controlPlane: Daemon
let ada: Daemon
let slow: Daemon
let caller: Agent<readonly [typeof pace]>

const token = async (...args: string[]) =>
  String(
    lastJson(await runCommand(['token', 'create', '--json', '--data', controlPlane.data, ...args]))['token'],
  )

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const relayToken = await token('--role', 'relay')
  await workshop.start('relay', ['relay', '--listen', '/ip4/127.0.0.1/tcp/0', '--join', relayToken])
  const joinToken = await token('--uses', '4')
  await mkdir(workshop.folder('services'))
  const started = Object.entries(providers).map(async ([name, ms]) => {
    const file = join(workshop.folder('services'), `${name}.ts`)
    await writeFile(file, paceModule(name, ms))
    const args = ['up', '--join', joinToken, '--name', name, '--serve', file, ...loopback]
    if (name === 'slow') args.push('--no-tuning')
    const daemon = await workshop.start(name, args)
    if (name === 'ada') ada = daemon
    if (name === 'slow') slow = daemon
  })
  await Promise.all(started)
  caller = await createAgent({
    ...{ data: workshop.folder('caller'), join: joinToken, name: 'caller', log: silent },
    ...{ listen: ['/ip4/127.0.0.1/tcp/0'], contracts: [pace] as const },
  })
  const online = () => caller.peers().flatMap(peer => (peer.online ? [peer.name] : []))
  await vi.waitFor(() => expect(online()).toEqual(expect.arrayContaining(Object.keys(providers))), 60_000)
})
afterAll(async () => {
  await caller?.stop()
  await workshop.end()
})

it('the quick providers get nearly all calls, and the slow one is asked again now and then', async () => {
  const asked = new Set<string>()
  /** @returns how many of 800 calls the slow one answered */
  const slowOnes = async () => {
    let count = 0
    const worker = async () => {
      for (let i = 0; i < 100; i++) {
        const name = await caller.call('pace.name', null, { timeout: 30_000 })
        asked.add(name)
        if (name === 'slow') count++
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    return count
  }
  // A random choice would give it 267. On a busy machine the others are slow, too, for a while.
  let slow = await slowOnes()
  for (let tries = 1; tries < 5 && slow >= 40; tries++) slow = await slowOnes()
  expect(slow).toBeLessThan(40)
  expect([...asked].sort()).toEqual(['ada', 'ben', 'slow'])
})

it('"call --explain" shows which providers were considered, with their scores', async () => {
  const args = ['call', 'pace.name', 'null', '--explain', '--json', '--data', ada.data]
  // Ada learns of the others after it is ready.
  await vi.waitFor(async () => {
    const { explanation } = lastJson(await runCommand(args)) as {
      explanation: {
        service: string
        tries: { name: string; code: string; candidates: { name: string }[] }[]
      }
    }
    expect(explanation).toMatchObject({ service: 'pace', tries: [{ code: 'ok' }] })
    const names = explanation.tries[0]!.candidates.map(({ name }) => name)
    expect(names.sort()).toEqual(['ada', 'ben', 'slow'])
  }, 60_000)
})

it('"tuning" shows what an agent tunes, and that "up --no-tuning" switches it off', async () => {
  const tuning = async ({ data }: Daemon) =>
    lastJson(await runCommand(['tuning', '--json', '--data', data])) as {
      on: boolean
      settings: { setting: string; value: string; state: string }[]
    }
  const { on, settings } = await tuning(ada)
  expect(on).toBe(true)
  expect(settings).toContainEqual({ setting: 'hedgeDelay', value: 'p95', state: 'idle' })
  const off = await tuning(slow)
  expect([off.on, new Set(off.settings.map(({ state }) => state))]).toEqual([false, new Set(['off'])])
})
