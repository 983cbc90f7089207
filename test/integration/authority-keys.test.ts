import { hostService, type Agent } from '@agent-mesh/agent'
import type { Relay } from '@agent-mesh/relay'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const minute = 60_000
const day = 24 * 60 * minute
/** A renewal has ended by then, also on a busy machine. */
const renewalMs = 2_000

let clock: VirtualClock
let mesh: LocalMesh
let relay: Relay
beforeEach(async () => {
  clock = new VirtualClock()
  mesh = await LocalMesh.start({ clock })
  relay = await mesh.relay('relay-1')
})
afterEach(() => mesh.stop())

const metric = async (member: Pick<Agent, 'metrics'>, name: string): Promise<number> => {
  const line = (await member.metrics()).split('\n').find(text => text.startsWith(`${name} `))
  return Number(line?.split(' ').at(-1) ?? Number.NaN)
}
const keysOf = (member: Pick<Agent, 'metrics'>) => metric(member, 'agent_mesh_head_number{part="keys"}')
const learns = (member: Pick<Agent, 'metrics'>, keys: number) =>
  vi.waitFor(async () => expect(await keysOf(member)).toBe(keys), 20_000)

const caller = (name: string) => mesh.agent({ name, contracts: [hostService] })
const answers = (from: Awaited<ReturnType<typeof caller>>, to: Agent) =>
  vi.waitFor(() => from.call('host.info', {}, { peer: to.peerId, timeout: 5_000 }), 60_000)

/** Relays are found after the start: a first call may be answered sooner, over a direct path. */
const isLinked = (agent: Agent, ...to: Pick<Agent, 'peerId'>[]) =>
  vi.waitFor(async () => {
    for (const { peerId } of to)
      expect(await agent.path(peerId)).toMatchObject({ path: 'direct', links: [{ state: 'up' }] })
  }, 20_000)

/**
 * Calls without a pause until stopped, over links that stay open. One that is silent for a moment, because the machine is busy, is
 * open, too. @returns how many calls there were; throws when one failed
 */
function calling(from: Awaited<ReturnType<typeof caller>>, to: Agent) {
  let on = true
  const done = (async () => {
    let calls = 0
    for (; on; calls++) {
      await from.call('host.info', {}, { peer: to.peerId, timeout: 20_000 })
      for (const { name, peerId } of [to, relay]) {
        const { links } = await from.path(peerId)
        const open = links.filter(({ state }) => state !== 'retiring')
        expect(open, `links to ${name} after call ${calls}: ${JSON.stringify(links)}`).not.toEqual([])
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    return calls
  })()
  return () => {
    on = false
    return done
  }
}

describe('a rotation of the authority key', () => {
  test('goes unnoticed: no call fails, no link drops, who joins is known, who was away for two of them comes back', async () => {
    const a = await caller('a')
    const b = await mesh.agent({ name: 'b' })
    const away = await mesh.agent({ name: 'away' })
    await answers(a, b)
    await answers(a, away)
    await away.stop()
    await isLinked(a, b, relay)
    const end = calling(a, b)
    for (const keys of [2, 3]) {
      const { signsAt } = await mesh.controlPlane.rotateKey()
      for (const member of [a, b, relay]) await learns(member, keys)
      clock.advance(signsAt - clock.now())
      const fresh = await mesh.agent({ name: `fresh-${keys}` })
      await answers(a, fresh)
    }
    expect(await end()).toBeGreaterThan(20)

    const back = await mesh.startAgent({ name: 'away', contracts: [hostService] })
    await answers(back, b)
    await answers(a, back)
    expect(await keysOf(back)).toBe(3)
  })

  test('of a stolen key makes everybody renew, and the mesh goes on', async () => {
    const a = await caller('a')
    const b = await mesh.agent({ name: 'b' })
    await answers(a, b)
    clock.advance(minute)
    const expires = a.status().credentialExpires ?? 0
    const { revoked } = await mesh.controlPlane.rotateKey({ revoke: true })
    expect(revoked).toHaveLength(1)
    for (const member of [a, b, relay]) {
      await learns(member, 3)
      await vi.waitFor(() => expect(member.status().ready).toBe(true), 20_000)
    }
    expect(a.status().credentialExpires).toBeGreaterThan(expires)
    await answers(a, b)
    const fresh = await mesh.agent({ name: 'fresh' })
    await answers(a, fresh)
  })
})

describe('14 days without a control plane', () => {
  test.each([0, 6.9, 10])(
    'from day %d on: links, calls and restarts from disk go on, then it renews',
    async start => {
      const a = await caller('a')
      const b = await mesh.agent({ name: 'b' })
      await answers(a, b)
      for (const agent of [a, b])
        await vi.waitFor(() => expect(agent.status().relays).toHaveLength(1), 20_000)
      await pass(start)
      // From day 7 on they have time to renew.
      if (start > 7) for (const member of [a, b, relay]) await renewsAfter(member, clock.now() + 14 * day)
      await mesh.stopControlPlane()
      await pass(13)
      await answers(a, b)
      await b.stop()
      const again = await mesh.startAgent({ name: 'b' })
      await vi.waitFor(() => expect(again.status().relays).toHaveLength(1), 20_000)
      await pass(0.99)
      await answers(a, again)
      for (const member of [a, again, relay]) expect(member.status().ready).toBe(true)
      await mesh.restartControlPlane()
      for (const member of [a, again, relay]) await renewsAfter(member, clock.now() + 20 * day)
      await answers(a, again)
    },
  )

  /** Advances the clock in steps; timers that are due in a step run. */
  async function pass(days: number): Promise<void> {
    for (let step = 0; step < 4; step++) {
      clock.advance((days * day) / 4)
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  /** Hours pass until the credential of a member expires later than that. A renewal that runs ends first: it is signed for its hour. */
  async function renewsAfter(member: Pick<Agent, 'status'>, time: number): Promise<void> {
    const expires = () => member.status().credentialExpires ?? 0
    for (let hour = 0; hour < 20 && expires() <= time; hour++) {
      clock.advance(61 * minute)
      await vi.waitUntil(() => expires() > time, { timeout: renewalMs, interval: 10 }).catch(() => undefined)
    }
    expect(expires()).toBeGreaterThan(time)
  }
})
