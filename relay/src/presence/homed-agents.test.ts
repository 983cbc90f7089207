import { signHomeClaim } from '@agent-mesh/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { TestMesh, testKey, type TestKey } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { CircuitGate, circuitDefaults } from '../circuit/index.ts'
import { HomedAgents, type HomedChange } from './homed-agents.ts'

let mesh: TestMesh
let relay: TestKey
let homed: HomedAgents

/** The gate of a relay that is full with `maxHomed` agents. */
const gateWithPlaces = (maxHomed: number) =>
  new CircuitGate({
    limits: { ...circuitDefaults, maxHomed },
    member: () => undefined,
    reservations: { size: () => 0, has: () => false },
    circuits: () => 0,
    between: () => 0,
    spent: () => undefined,
    now: Date.now,
    onDenied: () => {},
  })

beforeEach(async () => {
  mesh = await TestMesh.create()
  relay = await testKey()
  homed = new HomedAgents({ self: relay.kid, places: gateWithPlaces(2) })
})

const claimOf = (agent: TestKey, homeSeq = 1, at = relay) =>
  signHomeClaim(agent.signer, { relay: at.kid, homeSeq })

describe('HomedAgents', () => {
  test('takes a claim for this relay from the agent that signed it', async () => {
    const agent = await mesh.member()
    await homed.add(await claimOf(agent), agent.peerId, {})
    expect(homed.peers()).toEqual([agent.peerId])
  })

  test('refuses a claim shown by another, and one for another relay', async () => {
    const [agent, thief] = [await mesh.member(), await mesh.member()]
    expect(await refusal(homed.add(await claimOf(agent), thief.peerId, {}))).toMatch(/^unauthenticated: /)
    const elsewhere = await claimOf(agent, 1, await testKey())
    expect(await refusal(homed.add(elsewhere, agent.peerId, {}))).toMatch(/^unauthenticated: /)
    expect(homed.size).toBe(0)
  })

  test('is full at its limit, but not for those it has', async () => {
    const agents = [await mesh.member(), await mesh.member(), await mesh.member()]
    const [first, , third] = agents
    for (const agent of agents.slice(0, 2)) await homed.add(await claimOf(agent), agent.peerId, {})
    expect(await refusal(homed.add(await claimOf(third!), third!.peerId, {}))).toMatch(/^overloaded: /)
    expect(await refusal(homed.add(await claimOf(first!, 2), first!.peerId, {}))).toBe('accepted')
  })

  test('keeps an agent that came over a new stream before its old one ended', async () => {
    const agent = await mesh.member()
    const [old, fresh] = [{}, {}]
    await homed.add(await claimOf(agent, 1), agent.peerId, old)
    await homed.add(await claimOf(agent, 2), agent.peerId, fresh)
    homed.remove(agent.peerId, old)
    expect(homed.size).toBe(1)
    homed.remove(agent.peerId, fresh)
    expect(homed.size).toBe(0)
  })

  test('does not take in an agent whose stream ended while its claim was verified', async () => {
    const agent = await mesh.member()
    const stream = {}
    const adding = homed.add(await claimOf(agent), agent.peerId, stream)
    homed.remove(agent.peerId, stream)
    await adding
    expect(homed.size).toBe(0)
  })

  test('says what changed, and nothing of a stream that ends after its agent came over another', async () => {
    const changes: HomedChange[] = []
    const stop = homed.onChange(change => changes.push(change))
    const [agent, old, fresh] = [await mesh.member(), {}, {}]
    await homed.add(await claimOf(agent, 1), agent.peerId, old)
    await homed.add(await claimOf(agent, 2), agent.peerId, fresh)
    homed.remove(agent.peerId, old)
    homed.remove(agent.peerId, fresh)
    const { peerId } = agent
    const [up, down] = [
      { up: [peerId], down: [] },
      { up: [], down: [peerId] },
    ]
    expect(changes).toEqual([up, up, down])
    stop()
    await homed.add(await claimOf(agent, 3), peerId, {})
    expect(changes).toHaveLength(3)
  })

  test('has an agent that fell silent offline in its place, and online again once it is heard', async () => {
    const agent = await mesh.member()
    await homed.add(await claimOf(agent), agent.peerId, {})
    const changes: HomedChange[] = []
    homed.onChange(change => changes.push(change))
    homed.setSilent(agent.peerId, true)
    homed.setSilent(agent.peerId, true)
    expect([homed.peers(), homed.claims().size, homed.size]).toEqual([[], 0, 1])
    homed.setSilent(agent.peerId, false)
    expect([homed.peers(), homed.claims().size]).toEqual([[agent.peerId], 1])
    homed.setSilent(agent.peerId, true)
    await homed.add(await claimOf(agent, 2), agent.peerId, {})
    expect(homed.peers()).toEqual([agent.peerId])
    homed.setSilent('a stranger', true)
    expect(changes.map(({ up, down }) => up.length - down.length)).toEqual([-1, 1, -1, 1])
  })

  test('keeps the newer of two claims', async () => {
    const agent = await mesh.member()
    const newer = await claimOf(agent, 2)
    await homed.add(newer, agent.peerId, {})
    await homed.add(await claimOf(agent, 1), agent.peerId, {})
    expect(homed.claims().get(agent.peerId)).toBe(newer)
  })
})
