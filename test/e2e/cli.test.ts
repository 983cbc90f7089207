import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import {
  lastJson,
  openWorkshop,
  runCommand,
  type Daemon,
  type Ran,
  type Workshop,
} from '../support/command.ts'

const checkout = join(import.meta.dirname, '..', '..')
let workshop: Workshop
let controlPlane: Daemon
let relay: Daemon
let ada: Daemon
let ben: Daemon

const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']
/** The command in the context of a daemon. */
const at = (daemon: Daemon, ...args: string[]) => runCommand([...args, '--data', daemon.data])

async function token(...args: string[]): Promise<string> {
  return String(lastJson(await at(controlPlane, 'token', 'create', '--json', ...args))['token'])
}

interface Peers {
  peers: { name: string; online: boolean; path?: string }[]
}
const onlineNames = async (daemon: Daemon) =>
  (lastJson(await at(daemon, 'peers', '--json')) as unknown as Peers).peers
    .filter(({ online }) => online)
    .map(({ name }) => name)

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const [relayToken, agentToken] = await Promise.all([token('--role', 'relay'), token('--uses', '3')])
  relay = await workshop.start('relay', ['relay', '--join', relayToken, '--name', 'relay-1', ...loopback])
  const services = join(workshop.folder('services'), 'math.ts')
  await mkdir(workshop.folder('services'))
  await writeFile(services, mathService)
  ;[ada, ben] = await Promise.all([
    workshop.start('ada', [
      ...['up', '--join', agentToken, '--name', 'ada', '--metrics', '127.0.0.1:0'],
      ...loopback,
    ]),
    workshop.start('ben', ['up', '--join', agentToken, '--name', 'ben', '--serve', services, ...loopback]),
  ])
  const allOnline = async () => expect(await onlineNames(ada)).toEqual(['ben', 'relay-1'])
  await vi.waitFor(allOnline, { timeout: 60_000, interval: 100 })
})
afterAll(() => workshop.end())

/** Imports nothing but schemas, so it needs no installed package beside it. */
const mathService = `
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
const number: number = 1
export const math = {
  contract: { name: 'math', version: 1, methods: { add: {
    params: z.object({ a: z.number(), b: z.number() }), result: z.number() },
    never: { params: z.undefined(), result: z.undefined() } } },
  handlers: {
    add: ({ a, b }: { a: number; b: number }) => a + b + number - 1,
    never: () => new Promise(() => undefined),
  },
}
`

describe('agent-mesh, as processes', () => {
  it('checks the network beside an agent, and before there is one', async () => {
    const found = { controlPlane: { ok: true }, relays: [{ name: 'relay-1' }] }
    // It waits 2.4 s for the control plane: little on a busy machine.
    const finds = (check: () => Promise<Ran>) =>
      vi.waitFor(async () => expect(lastJson(await check())).toMatchObject(found), 60_000)
    await finds(() => at(ada, 'netcheck', '--json'))
    const before = ['--data', workshop.folder('nobody'), '--json']
    const url = String(controlPlane.ready['url'])
    await finds(() => runCommand(['netcheck', '--control-plane', url, ...before]))
    const lost = await runCommand(['netcheck', ...before])
    expect(lost.code).toBe(2)
    expect(lastJson(lost)).toMatchObject({ error: { hint: expect.stringContaining('--control-plane') } })
  })

  it('serves health, readiness and metrics where it is told to', async () => {
    const url = String(ada.ready['metricsUrl'])
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' })
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({ status: 'ready' })
    await at(ada, 'call', 'host.info', '--peer', 'ben')
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toMatch(/^agent_mesh_map_members 3$/m)
    expect(text).toMatch(/^agent_mesh_links\{path="direct"\} [1-9]/m)
    expect(text).toMatch(/^agent_mesh_calls_total\{side="caller",method="host.info",code="ok"\} [1-9]/m)
    expect(text.match(/^# TYPE /gm)?.length).toBeGreaterThan(20)
  })

  it('tells how each daemon does, as JSON and for people', async () => {
    expect(lastJson(await at(ada, 'status', '--json'))).toMatchObject({
      kind: 'agent',
      name: 'ada',
      ready: true,
      meshId: controlPlane.ready['meshId'],
      members: { known: 3 },
    })
    expect(lastJson(await at(relay, 'status', '--json'))).toMatchObject({ kind: 'relay', name: 'relay-1' })
    expect(lastJson(await at(controlPlane, 'status', '--json'))).toMatchObject({
      kind: 'control-plane',
      ready: true,
    })
    expect(lastJson(await at(ada, 'status', '--json'))['startedAt']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    const { stdout } = await at(ada, 'status')
    expect(stdout).toMatch(/^agent +ready, up .*\nname +ada\n/)
    expect(stdout).not.toContain('\u001b')
  })

  it('examines the membership of a running agent, and of the control plane', async () => {
    const ran = await at(ada, 'doctor', '--json')
    expect(ran.code).toBe(0)
    const { checks } = lastJson(ran) as { checks: { check: string; state: string; found: string }[] }
    // On a busy machine the process says that it had to wait: that is right, too.
    const late = /^loop: the event loop was blocked/
    expect(checks.filter(({ state, found }) => state !== 'ok' && !late.test(found))).toEqual([])
    expect(checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['credential', 'enrolment', 'copies', 'clock', 'map', 'process', 'relays']),
    )
    expect((await at(controlPlane, 'doctor')).stdout).toContain('in force, says the control plane')
  })

  it('calls a service that another machine loaded from a TypeScript file', async () => {
    await expect
      .poll(async () => JSON.stringify(lastJson(await at(ada, 'services', '--json'))), { timeout: 60_000 })
      .toContain('math@1')
    const ran = await at(ada, 'call', 'math.add', '{"a":20,"b":22}', '--json')
    expect(lastJson(ran)).toMatchObject({ value: 42, name: 'ben' })
    expect((await at(ada, 'call', 'math.add', '{"a":1,"b":2}')).stdout).toBe('3\n')
  })

  it('tells which methods a service has, what they take, and which one a misspelt one was meant to be', async () => {
    const { services } = lastJson(await at(ada, 'services', '--json')) as {
      services: { service: string; methods?: string[] }[]
    }
    expect(services.find(({ service }) => service === 'math@1')?.methods).toEqual(['add', 'never'])
    expect((await at(ada, 'describe', 'math')).stdout).toMatch(
      /^math\.add +\{a: number, b: number\} +number/m,
    )
    expect(await at(ada, 'describe', 'mahts')).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('Did you mean math?'),
    })
    const misspelt = await at(ada, 'call', 'math.ad', '{}')
    expect(misspelt).toMatchObject({ code: 7, stderr: expect.stringContaining('ben does not serve it') })
    expect(misspelt.stderr).toContain('Did you mean math.add?')
  })

  it('asks one machine and all machines', async () => {
    expect(lastJson(await at(ada, 'call', 'host.info', '--peer', 'ben', '--json'))).toMatchObject({
      name: 'ben',
    })
    const { results } = lastJson(await at(ada, 'call-all', 'host.info', '--json')) as {
      results: { ok: boolean }[]
    }
    expect(results.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(2)
    const { stdout } = await at(ada, 'call-all', 'host.info', '--fields', 'hostname,versions.agent')
    expect(stdout).toMatch(/^MEMBER +HOSTNAME +VERSIONS.AGENT\n/)
    expect(stdout).toMatch(/^ben +\S+ +\d+\.\d+\.\d+$/m)
  })

  it('measures the round trip to a machine', async () => {
    const reply = lastJson(await at(ada, 'ping', 'ben', '--count', '2', '--json'))
    expect(reply).toMatchObject({ name: 'ben', path: expect.stringMatching(/direct|relay/) as string })
    expect(reply['rttMs']).toHaveLength(2)
  })

  it('tells the path to a machine, and the path between two others', async () => {
    await at(ada, 'ping', 'ben', '--count', '1')
    // On a busy machine the link over the relay may be the first, and stay a little beside the direct one.
    const own = await vi.waitFor(async () => {
      const shown = lastJson(await at(ada, 'path', 'ben', '--json'))
      expect(shown).toMatchObject({ toName: 'ben', path: 'direct', links: [{ state: 'up' }] })
      return shown
    }, 60_000)
    const others = lastJson(await at(ada, 'path', 'ben', 'relay-1', '--json'))
    expect(others).toMatchObject({ toName: 'relay-1', from: own['to'] })
    expect((await at(ada, 'path', 'ben')).stdout).toContain('Calls to ben use a direct path')
    expect((await at(relay, 'path', 'ben')).stderr).toContain('Cannot show a path: a relay runs')
    expect((await at(ada, 'path', 'nobody')).code).toBe(7)
  })

  it('lists tokens without secrets and revokes one', async () => {
    const made = lastJson(await at(controlPlane, 'token', 'create', '--tag', 'web', '--json')) as {
      token: string
      view: { id: string }
    }
    const listed = (await at(controlPlane, 'token', 'list')).stdout
    expect(listed).toContain(made.view.id)
    expect(listed).not.toContain(made.token.split('.').at(-1))
    expect((await at(controlPlane, 'token', 'revoke', made.view.id)).code).toBe(0)
    const refused = await runCommand([
      'up',
      '--join',
      made.token,
      '--data',
      workshop.folder('late'),
      '--json',
      ...loopback,
    ])
    expect(refused.code).toBe(4)
    expect(lastJson(refused)).toMatchObject({ error: { code: 'token_invalid' } })
  })
})

it('writes the source code of a new project for all who may read the folder', async () => {
  const project = workshop.folder('greeter')
  expect((await runCommand(['init', project])).code).toBe(0)
  const modes = ['', 'src', 'package.json', 'src/service.ts'].map(
    async path => (await stat(join(project, path))).mode & 0o777,
  )
  const usual = (mode: number) => mode & ~process.umask()
  expect(await Promise.all(modes)).toEqual([0o777, 0o777, 0o666, 0o666].map(usual))
})

describe('agent-mesh, when something is wrong', () => {
  it.each([
    ['a service that no member has', ['call', 'nobody.here'], 7],
    ['the same, asked for its methods', ['describe', 'nobody'], 7],
    ['the same, called everywhere', ['call-all', 'nobody.here'], 7],
    ['params that do not fit', ['call', 'math.add', '{"a":"x"}', '--peer', 'ben'], 2],
    ['a member that does not exist', ['ping', 'zoe'], 7],
    ['the path to the member itself', ['path', 'ada'], 2],
    ['a method that takes longer than its deadline', ['call', 'math.never', '--timeout', '300ms'], 5],
  ])('answers %s with its exit code and a reason', async (_, args, code) => {
    const ran = await at(ada, ...args)
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(ran.stderr).toMatch(/^error: Cannot /)
    expect(ran.stderr).not.toContain('    at ')
  })

  it('says that nothing runs, what to do, and exits with 3', async () => {
    const ran = await runCommand(['status', '--data', workshop.folder('empty')])
    expect(ran.code).toBe(3)
    expect(ran.stderr).toContain('agent-mesh up')
  })

  it('does not let two daemons share a data folder', async () => {
    const ran = await at(ada, 'up')
    expect(ran.code).toBe(8)
    expect(ran.stderr).toContain(`pid ${ada.child.pid}`)
    const leaving = await at(ada, 'leave', '--yes')
    expect(leaving).toMatchObject({ code: 8, stderr: expect.stringContaining('Stop that process, then run') })
  })

  it('says how to join when it never did', async () => {
    const ran = await runCommand(['up', '--data', workshop.folder('new')])
    expect(ran.code).toBe(4)
    expect(ran.stderr).toContain('--join')
  })

  it('comes back from disk without token and control plane, and leaves with 0', async () => {
    expect(await controlPlane.end()).toEqual([0, null])
    expect(await ben.end()).toEqual([0, null])
    ben = await workshop.start('ben', ['up', ...loopback])
    await expect
      .poll(async () => (await at(ada, 'call', 'host.info', '--peer', 'ben')).code, { timeout: 20_000 })
      .toBe(0)
    expect(await ada.end('SIGINT')).toEqual([0, null])
  })
})
