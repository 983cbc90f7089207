import { createLogger, defineService, type Agent, type CutOff } from '@agent-mesh/agent'
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import { createRelay, type Relay } from '@agent-mesh/relay'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { freePort } from '../support/free-port.ts'
import { adminOf, LocalMesh, loopback, silent } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const slow = defineService({
  name: 'slow',
  version: 1,
  methods: { wait: { params: z.object({}), result: z.string() } },
})

/** Generous: the time is measured elsewhere, and must not fail here on a busy machine. */
const until = <T>(check: () => T | Promise<T>, timeout = 50_000) =>
  vi.waitFor(check, { timeout, interval: 20 })

/** Serves calls that end only with their link. */
function serveSlow(agent: Agent<never>): { started: number; aborted: number } {
  const seen = { started: 0, aborted: 0 }
  const wait = async (_: object, { signal }: { signal: AbortSignal }) => {
    seen.started++
    await delay(60_000, undefined, { signal }).catch(() => seen.aborted++)
    return 'waited'
  }
  agent.serve({ contract: slow, handlers: { wait } })
  return seen
}

describe('a revoked member', () => {
  let mesh: LocalMesh
  let relay: Relay
  let out: Agent<never>
  let friend: Agent<never>
  let hidden: Agent<never>
  const cuts: (CutOff & { by: string })[] = []

  beforeAll(async () => {
    mesh = await LocalMesh.start()
    relay = await mesh.relay('relay-1')
    const agent = async (name: string, more = {}) =>
      (await mesh.agent({ name, ...more })) as unknown as Agent<never>
    out = await agent('out')
    friend = await agent('friend')
    hidden = await agent('hidden', { paths: 'relay' })
    for (const [by, member] of Object.entries({ relay, friend, hidden }))
      member.onCutOff(cut => cuts.push({ ...cut, by }))
    for (const member of [out, friend, hidden])
      await until(() => {
        expect(member.peers().filter(({ online }) => online)).toHaveLength(3)
        expect(member.status().relays).toHaveLength(1)
      })
  })
  afterAll(() => mesh.stop())

  test('before that, is bound by a new policy on links that are up, and freed by the next', async () => {
    const admin = await adminOf(mesh.controlPlane)
    const info = () => refusal(out.call('host.info' as never, {} as never, { peer: 'friend' } as never))
    expect(await info()).toBe('accepted')
    const { number, policy } = await admin.policy()
    await admin.writePolicy({ policy: { ...policy, grants: policy.grants.slice(1) }, expected: number })
    await until(async () => expect(await info()).toMatch(/^permission_denied: /))
    await admin.writePolicy({ policy, expected: number + 1 })
    await until(async () => expect(await info()).toBe('accepted'))
  })

  test('is cut off by all who have a link to it, and running calls end typed on both sides', async () => {
    const [atOut, atFriend] = [serveSlow(out), serveSlow(friend)]
    const options = (peer: string) => ({ peer, timeout: 60_000 })
    const callTo = refusal(friend.call('slow.wait' as never, {} as never, options('out') as never))
    const callFrom = refusal(out.call('slow.wait' as never, {} as never, options('friend') as never))
    await until(() => out.ping('hidden'))
    await until(() => expect([atOut.started, atFriend.started]).toEqual([1, 1]))

    const admin = await adminOf(mesh.controlPlane)
    await admin.revoke({ name: 'out' })
    expect(await callTo).toMatch(/^revoked: .*slow.wait/)
    expect(await callFrom).toMatch(/^(path_lost|revoked): /)
    // What goes through the relay ends with its link there, perhaps before the list has come.
    const linked = (agent: Agent<never>) =>
      agent.peers().some(({ name, source }) => name === 'out' && source === 'link')
    await until(() => {
      expect(new Set(cuts.map(({ by }) => by))).toEqual(expect.objectContaining(new Set(['relay', 'friend'])))
      expect([friend, hidden].map(linked)).toEqual([false, false])
    })
    await until(() => expect([atOut.aborted, atFriend.aborted]).toEqual([1, 1]))
    for (const cut of cuts)
      expect(cut).toMatchObject({ peerId: out.peerId, name: 'out', afterMs: expect.any(Number) })
  })

  test('has no place at the relay any more, and is gone from the map', async () => {
    const known = () => relay.peers().map(({ name }) => name)
    await until(() => expect(known().sort()).toEqual(['friend', 'hidden']))
    await until(async () => expect(await relay.metrics()).toMatch(/^agent_mesh_relay_reservations 2$/m))
    const metrics = await relay.metrics()
    expect(metrics).toMatch(/^agent_mesh_revocation_cutoff_seconds_count [1-9]/m)
    expect(metrics).toMatch(/^agent_mesh_head_number\{part="revocations"\} 2$/m)
    await until(() => expect(friend.peers().map(({ name }) => name)).not.toContain('out'))
  })

  test('is refused with its credential that is still valid, and refuses nobody else their calls', async () => {
    expect(out.status().credentialExpires).toBeGreaterThan(Date.now())
    for (const peer of ['friend', 'hidden', 'relay-1'])
      expect(await refusal(out.ping(peer, { timeout: 3_000 }))).toMatch(
        /^(revoked|unavailable|deadline_exceeded): /,
      )
    expect(await friend.ask('host.info', {}, { peer: 'hidden' })).toMatchObject({ name: 'hidden' })
  })

  test('learns it from the signed list, says so and dials nobody any more', async () => {
    await until(() =>
      expect(out.status().warnings[0]).toMatch(/^this member was revoked at 20.*empty data folder/),
    )
    expect(out.status()).toMatchObject({ ready: false, relays: [] })
    const dials = async () => /^agent_mesh_connections_refused_total.*$/m.exec(await friend.metrics())?.[0]
    const before = await dials()
    // Watched peers are dialled again after half a second: it would show within three of those.
    // eslint-disable-next-line house/patient-waits -- nothing is to happen
    const dialled = vi.waitUntil(async () => (await dials()) !== before, { timeout: 1_500, interval: 50 })
    await expect(dialled).rejects.toThrow()
  })
})

describe('a relay whose watch is cut', () => {
  let folder: string
  let proxy: TcpProxy
  let plane: RunningControlPlane
  const stops: (() => Promise<void>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cut-watch-'))
    const port = await freePort()
    proxy = await startTcpProxy(port)
    proxy.cutAfter(sent => /^upgrade: websocket/im.test(sent.toString('latin1')))
    plane = await startControlPlane({
      data: join(folder, 'control-plane'),
      listen: { host: '127.0.0.1', port },
      publicUrl: `http://127.0.0.1:${proxy.port}`,
      log: silent,
    })
  })
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop()
    await plane.stop()
    await proxy.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const relayWith = async (name: string, pollMs?: number): Promise<Relay> => {
    const { token } = await plane.createToken({ roles: ['relay'] })
    const more = pollMs === undefined ? {} : { pollMs }
    const relay = await createRelay({
      data: join(folder, name),
      join: token,
      name,
      listen: [loopback],
      log: silent,
      ...more,
    })
    stops.push(() => relay.stop())
    return relay
  }
  const revokeOne = async (name: string): Promise<number> => {
    const { createAgent } = await import('@agent-mesh/agent')
    const { token } = await plane.createToken({})
    const agent = await createAgent({
      data: join(folder, name),
      join: token,
      name,
      listen: [],
      log: createLogger('t', 'silent'),
    })
    await agent.stop()
    return (await (await adminOf(plane)).revoke({ name })).number
  }
  const listNumber = async (relay: Relay): Promise<number> =>
    Number(/^agent_mesh_head_number\{part="revocations"\} (\d+)$/m.exec(await relay.metrics())?.[1])

  test('learns of a revocation by its poll', async () => {
    const relay = await relayWith('polling', 200)
    const number = await revokeOne('polled')
    await until(async () => expect(await listNumber(relay)).toBe(number))
    expect(await relay.metrics()).toMatch(/^agent_mesh_relay_watch_connected 0$/m)
    expect(proxy.cuts).toBeGreaterThan(0)
    // The next one is then the home of each agent: no other relay reports it.
    await relay.stop()
  })

  test('learns of a revocation by the reply to its next report', async () => {
    const relay = await relayWith('reporting')
    await until(async () => expect(await listNumber(relay)).toBeGreaterThan(0))
    const { createAgent } = await import('@agent-mesh/agent')
    const number = await revokeOne('told')
    // A member arrives: the relay reports it within 5 s of its last report.
    const { token } = await plane.createToken({})
    const agent = await createAgent({
      data: join(folder, 'homed'),
      join: token,
      name: 'homed',
      listen: [],
      log: silent,
    })
    stops.push(() => agent.stop())
    await until(async () => expect(await listNumber(relay)).toBe(number))
  })
})
