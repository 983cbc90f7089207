import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createAgent, type AgentOptions } from '@agent-mesh/agent'
import { createRelay } from '@agent-mesh/relay'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LocalMesh, loopback, silent } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

/** What keeps this process alive, counted by kind; those of the control plane and of the test runner included. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  const { TCPServerWrap = 0, UDPWrap = 0, Timeout = 0, TLSWrap = 0 } = counts
  return { TCPServerWrap, UDPWrap, Timeout, TLSWrap }
}

/** Runs `start`, which fails; then nothing of it is left. @returns how it failed */
async function failing(start: () => Promise<unknown>): Promise<string> {
  const before = resources()
  const failed = await refusal(start())
  const isMore = ([kind, count]: [string, number]) => count > (before[kind] ?? 0)
  let more = Object.entries(resources()).filter(isMore)
  // Polls by itself: the timers of a waiting helper would be counted.
  for (
    const until = performance.now() + 20_000;
    more.length > 0 && performance.now() < until;
    await delay(20)
  )
    more = Object.entries(resources()).filter(isMore)
  expect(more, 'more than before').toEqual([])
  return failed
}

const options = (name: string, more: Partial<AgentOptions> = {}): AgentOptions => ({
  data: mesh.data(name),
  listen: [loopback],
  log: silent,
  ...more,
})

/** A signal that aborts the `nth` time that `aborted` is read. */
function abortsAt(nth: number): AbortSignal {
  const stop = new AbortController()
  let looks = 0
  Object.defineProperty(stop.signal, 'aborted', {
    get: () => {
      if (++looks === nth) stop.abort()
      return looks >= nth
    },
  })
  return stop.signal
}

describe('a start that fails leaves nothing running', () => {
  test('when an address to listen on is taken, the other one included', async () => {
    await (await mesh.agent({ name: 'a' })).stop()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const listen = [loopback, `/ip4/127.0.0.1/tcp/${port}`]
    expect(await failing(() => createAgent(options('a', { listen })))).toMatch(/^invalid_argument/)
    taken.close()
    expect((await mesh.startAgent({ name: 'a' })).name).toBe('a')
  })

  test('of an agent with the token of a relay', async () => {
    const join = await mesh.token({ roles: ['relay'] })
    expect(await failing(() => createAgent(options('a', { join })))).toMatch(
      /^(permission_denied|token_invalid)/,
    )
  })

  test('of a relay with the token of an agent, its STUN ports included', async () => {
    const join = await mesh.token()
    const start = () => createRelay({ ...options('r', { join }), stun: { port: 0 } })
    expect(await failing(start)).toMatch(/^(permission_denied|token_invalid)/)
  })

  test('when it was given up before, and writes nothing', async () => {
    const join = await mesh.token()
    const start = () => createAgent(options('a', { join, signal: AbortSignal.abort() }))
    expect(await failing(start)).toBe('cancelled: Cannot start: cancelled by the caller')
    expect(existsSync(mesh.data('a'))).toBe(false)
    expect(await failing(() => createRelay(options('r', { join, signal: AbortSignal.abort() })))).toBe(
      'cancelled: Cannot start: cancelled by the caller',
    )
  })

  test.each([2, 3, 4, 5])('when it is given up on the way (look %i at its signal)', async nth => {
    const first = await mesh.agent({ name: 'a' })
    await first.stop()
    const start = () => createAgent(options('a', { signal: abortsAt(nth), mdns: true }))
    const failed = await failing(async () => (await start()).stop())
    expect(failed).toMatch(/^(cancelled|accepted)/)
    expect((await mesh.startAgent({ name: 'a' })).peerId).toBe(first.peerId)
  })
})

describe('options that there are not', () => {
  // As a program in JavaScript passes them.
  const misspelt = (more: object) => refusal(createAgent({ ...options('a'), ...more } as AgentOptions))

  test.each([
    ['nmae', { nmae: 'x' }, 'name'],
    ['Listen', { Listen: [] }, 'listen'],
    ['contract', { contract: [] }, 'contracts'],
    ['proxy.noproxy', { proxy: { url: 'http://127.0.0.1:1', noproxy: '' } }, 'proxy.noProxy'],
  ])('%s is refused, naming the one that is meant', async (name, more, meant) => {
    expect(await misspelt(more)).toBe(`invalid_argument: Cannot start: there is no option ${name}`)
    const start = createAgent({ ...options('a'), ...more } as AgentOptions)
    await expect(start).rejects.toMatchObject({ hint: `Did you mean ${meant}?` })
  })

  test('are no options at all', async () => {
    const start = (given: unknown) => refusal(createAgent(given as AgentOptions))
    expect(await start(undefined)).toBe('invalid_argument: Cannot start: its options are undefined')
    expect(await start(5)).toBe('invalid_argument: Cannot start: its options are 5')
    const [contracts, other] = [
      { ...options('a'), contracts: [5] },
      { ...options('a'), contracts: 5 },
    ]
    expect(await start(contracts)).toBe('invalid_argument: Cannot define a service: its contract is 5')
    expect(await start(other)).toBe('invalid_argument: Cannot start: contracts is 5')
    expect(await refusal(createRelay(undefined as never))).toContain('Cannot start: its options are')
  })

  test('are refused by relays too, each with the options of its own', async () => {
    const start = (more: object) => refusal(createRelay({ ...options('r'), ...more }))
    expect(await start({ contracts: [] })).toBe(
      'invalid_argument: Cannot start: there is no option contracts',
    )
    expect(await start({ traffic: { memberBytesPerSec: 1 } })).toBe(
      'invalid_argument: Cannot start: there is no option traffic.memberBytesPerSec',
    )
  })
})

test('an agent and a relay refuse to ping an unknown member with the same error and hint', async () => {
  const [agent, relay] = [await mesh.agent({ name: 'a' }), await mesh.relay('r')]
  const failure = {
    code: 'not_found',
    message: 'Cannot ping nobody: no member has this name or peer id',
    hint: 'List the members with "agent-mesh peers".',
  }
  await expect(agent.ping('nobody')).rejects.toMatchObject(failure)
  await expect(relay.ping('nobody')).rejects.toMatchObject(failure)
})

describe('after stop()', () => {
  test('an agent answers nothing but that it has stopped', async () => {
    const agent = await mesh.agent({ name: 'a' })
    await agent.stop()
    const asked: [string, () => unknown][] = [
      ['call host.info', () => agent.call('host.info')],
      ['call host.info', () => agent.ask('host.info')],
      ['call host.info', () => agent.callAll('host.info')],
      ['ping b', () => agent.ping('b')],
      ['find the path to b', () => agent.path('b')],
      ['list peers', () => agent.peers()],
      ['list services', () => agent.services()],
      ['tell its status', () => agent.status()],
      ['tell its metrics', () => agent.metrics()],
      ['listen for revoked peers', () => agent.onCutOff(() => {})],
    ]
    for (const [action, ask] of asked)
      expect(await refusal(ask)).toBe(`going_away: Cannot ${action}: this agent has stopped`)
    expect(agent.name).toBe('a')
    await agent.stop()
  })

  test('a relay answers nothing but that it has stopped', async () => {
    const relay = await mesh.relay('r')
    await relay.stop()
    const asked: [string, () => unknown][] = [
      ['ping b', () => relay.ping('b')],
      ['list peers', () => relay.peers()],
      ['list services', () => relay.services()],
      ['tell its status', () => relay.status()],
      ['tell its metrics', () => relay.metrics()],
      ['listen for revoked peers', () => relay.onCutOff(() => {})],
    ]
    for (const [action, ask] of asked)
      expect(await refusal(ask)).toBe(`going_away: Cannot ${action}: this relay has stopped`)
  })
})
