/**
 * `npm run test:tuning`: an agent tunes a setting by what its calls to other processes show. Of one service one call in 15 hangs: the
 * second try is sent earlier, and the change is kept. Of the other one more calls hang once the change is tried: it is rolled back. In
 * real time, as a trial takes a minute; some 110 s, 5 s of them of one core.
 */
import { createAgent, defineService, type Agent } from '@agent-mesh/agent'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'

import { lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { silent } from '../support/local-mesh.ts'

const zod = join(import.meta.dirname, '..', '..', 'node_modules', 'zod', 'index.js')
/** The gain is many times what a busy machine adds to a call: of 300 ms, 94 ms became 79 there. */
const hangMs = 1_500
/** Calls a second: a window of 10 s needs 100. */
const rate = 16

const methods = {
  run: { params: z.null(), result: z.string(), idempotent: true },
  worsen: { params: z.null(), result: z.string() },
}
const steady = defineService({ name: 'steady', version: 1, methods })
const worsening = defineService({ name: 'worsening', version: 1, methods })
type Contracts = readonly [typeof steady, typeof worsening]

/** Serves both: one call in 15 hangs, and half of them, for longer, once it is asked to become worse. */
const providerModule = `
import { setTimeout as delay } from 'node:timers/promises'
import { z } from ${JSON.stringify(zod)}
const serviceOf = name => {
  let calls = 0
  let worse = false
  const ms = () => (worse && Math.random() < 0.5 ? ${hangMs * 4} : calls++ % 15 === 7 ? ${hangMs} : 5)
  const run = { params: z.null(), result: z.string(), idempotent: true }
  const worsen = { params: z.null(), result: z.string() }
  return {
    contract: { name, version: 1, methods: { run, worsen } },
    handlers: { run: () => delay(ms(), 'ran'), worsen: () => ((worse = true), 'worse') },
  }
}
export const steady = serviceOf('steady')
export const worsening = serviceOf('worsening')
`

/** A control plane, a relay and two providers, each a process. @returns makes a token for one more agent */
async function startMesh(workshop: Workshop): Promise<() => Promise<string>> {
  const controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const token = async (...args: string[]) => {
    const made = await runCommand(['token', 'create', '--json', '--data', controlPlane.data, ...args])
    return String(lastJson(made)['token'])
  }
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
  await workshop.start('relay', ['relay', ...listen, '--join', await token('--role', 'relay')])
  const file = join(workshop.folder('services'), 'provider.ts')
  await mkdir(workshop.folder('services'))
  await writeFile(file, providerModule)
  for (const name of ['ada', 'ben'])
    await workshop.start(name, [
      'up',
      '--join',
      await token(),
      '--name',
      name,
      '--serve',
      file,
      ...listen,
      '--no-mdns',
    ])
  return token
}

async function startCaller(workshop: Workshop, name: string, join: string): Promise<Agent<Contracts>> {
  const agent = await createAgent({
    ...{ data: workshop.folder(name), join, name, log: silent, listen: ['/ip4/127.0.0.1/tcp/0'] },
    ...{ contracts: [steady, worsening] as const, resilience: { hedgeBudget: 0.15, breaker: false } },
  })
  for (const contract of [steady, worsening]) await agent.waitFor(contract)
  return agent
}

/** Calls until a change has ended, three minutes at most. @param onTrial once when it is tried @returns the change */
async function load(agent: Agent<Contracts>, service: 'steady' | 'worsening', onTrial: () => Promise<void>) {
  let isTried = false
  for (const end = performance.now() + 180_000; performance.now() < end; await delay(1_000 / rate)) {
    agent.call(`${service}.run`, null, { hedge: true, timeout: 10_000 }).catch(() => undefined)
    const [change] = agent.tuning().changes
    if (change !== undefined && change.outcome !== 'trial') return change
    if (change === undefined || isTried) continue
    isTried = true
    await onTrial()
  }
  throw new Error(`Cannot see a change of ${service}: ${JSON.stringify(agent.tuning())}`)
}

const workshop = await openWorkshop()
const callers: Agent<Contracts>[] = []
try {
  const token = await startMesh(workshop)
  for (const name of ['first', 'second']) callers.push(await startCaller(workshop, name, await token()))
  const [first, second] = callers as [Agent<Contracts>, Agent<Contracts>]
  const worsen = async () => {
    for (const peer of ['ada', 'ben']) await second.call('worsening.worsen', null, { peer })
  }
  const [kept, rolledBack] = await Promise.all([
    load(first, 'steady', () => Promise.resolve()),
    load(second, 'worsening', worsen),
  ])
  const settings = second.tuning().settings.find(({ setting }) => setting === 'hedgeDelay')
  const passed =
    kept.outcome === 'kept' &&
    kept.p99AfterMs! * 2 < kept.p99BeforeMs &&
    rolledBack.outcome === 'rolled back' &&
    settings?.value === 'p95' &&
    settings.state === 'resting'
  console.log(JSON.stringify({ test: 'tuning', passed, kept, rolledBack, settings }))
  process.exitCode = passed ? 0 : 1
} finally {
  for (const agent of callers) await agent.stop()
  await workshop.end()
}
