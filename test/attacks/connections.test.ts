/** Peers without a hello, or that are no members, connect to real agents and relays. */
import type { Agent } from '@agent-mesh/agent'
import { encodeBody, FrameEncoder, helloProtocol, rpcProtocol } from '@agent-mesh/protocol'
import type { Relay } from '@agent-mesh/relay'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { attackedMesh, doorOf, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { forgeJws, withPayload } from '../support/forged-jws.ts'
import { quickest } from '../support/quickest.ts'
import {
  connectMessage,
  hopProtocol,
  lengthPrefixed,
  reserveMessage,
  stranger,
  type Door,
  type Stranger,
} from '../support/stranger.ts'

let mesh: AttackedMesh
let relay: Relay
let agent: Agent
let hidden: Agent
let insider: Insider
let outsider: Stranger
let member: Stranger
const doors: Record<'agent' | 'relay', Door> = {
  agent: { peerId: '', addr: '' },
  relay: { peerId: '', addr: '' },
}

/** A well-formed call of a method that all members may call. */
function callOf(method: string): Uint8Array {
  const encoder = new FrameEncoder()
  encoder.request(1, method, 5_000, false, encodeBody({}, 'call'))
  return encoder.take()
}

beforeAll(async () => {
  mesh = await attackedMesh()
  relay = await mesh.local.relay('relay')
  agent = await mesh.local.agent({ name: 'agent' })
  hidden = await mesh.local.agent({ name: 'hidden', paths: 'relay' })
  await vi.waitFor(() => expect(hidden.status().relays).toHaveLength(1), 20_000)
  doors.agent = doorOf(agent)
  doors.relay = { peerId: relay.peerId, addr: relay.addresses[0] ?? '' }
  insider = await mesh.insider()
  outsider = await stranger()
  member = await stranger(insider)
})
afterAll(async () => {
  await outsider.stop()
  await member.stop()
  await mesh.local.stop()
})

const protocols = ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/agent-mesh/map/1.0.0', hopProtocol, rpcProtocol]

describe('a stranger that skips the hello', () => {
  test.concurrent.each(['agent', 'relay'] as const)(
    'hears nothing on any protocol of the %s, and is cut off within 5 s',
    async who => {
      const stay = async () => {
        const visit = await outsider.visit(doors[who])
        const answers = await Promise.all(
          protocols.map(protocol =>
            visit.say(protocol, protocol === hopProtocol ? reserveMessage : lengthPrefixed('{}')),
          ),
        )
        expect(answers.map(({ length }) => length)).toEqual(protocols.map(() => 0))
        return visit.over
      }
      expect(await quickest(7_000, stay)).toBeLessThan(7_000)
    },
  )

  test.concurrent('calls a method before its hello: it is not run, and nothing is answered', async () => {
    const before = await agent.metrics()
    const visit = await outsider.visit(doors.agent)
    expect(await visit.say(rpcProtocol, callOf('host.info'))).toHaveLength(0)
    await visit.over
    const callees = (text: string) => text.split('\n').filter(line => line.includes('side="callee"'))
    expect(callees(await agent.metrics())).toEqual(callees(before))
  })

  test.concurrent('asks for a reservation at a relay: none, and no word', async () => {
    const visit = await outsider.visit(doors.relay)
    expect(await visit.say(hopProtocol, reserveMessage)).toHaveLength(0)
    await visit.over
  })

  test.concurrent('asks for a circuit to a member: none, and no word', async () => {
    const visit = await outsider.visit(doors.relay)
    expect(await visit.say(hopProtocol, connectMessage(hidden.peerId))).toHaveLength(0)
    await visit.over
  })

  test.concurrent('stops in the middle of its hello: the guard ends it all the same', async () => {
    const stay = async () => {
      const visit = await outsider.visit(doors.agent)
      const answer = await visit.say(helloProtocol, lengthPrefixed('{"versions":', 4000))
      expect(answer.toString()).not.toContain('credential')
      return visit.over
    }
    expect(await quickest(7_000, stay)).toBeLessThan(7_000)
  })
})

describe('a member', () => {
  /** A connection with a genuine hello. */
  const admitted = async (door: Door) => {
    const visit = await member.visit(door)
    const answer = await visit.hello({
      versions: [1],
      credential: insider.credential,
      record: await insider.record(),
    })
    expect(answer).toHaveProperty('credential')
    return visit
  }
  /** `status` of the last HopMessage in an answer of a relay: field 5, a varint of two bytes. */
  const statusOf = (answer: Buffer): number => ((answer.at(-2) ?? 0) & 0x7f) | ((answer.at(-1) ?? 0) << 7)

  test('gets no circuit to a non-member, not even to one that is connected to the relay now', async () => {
    const waiting = await outsider.visit(doors.relay)
    const visit = await admitted(doors.relay)
    const hop = await visit.open(hopProtocol)
    const answered = new Promise<Buffer>(resolve =>
      hop.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()))),
    )
    hop.send(connectMessage(outsider.key.kid))
    const status = statusOf(await answered)
    expect(status).toBeGreaterThanOrEqual(200)
    visit.connection.abort(new Error('done'))
    waiting.connection.abort(new Error('done'))
  })

  test.each([
    ['with the record of another member', async () => (await mesh.insider()).record()],
    ['with its own record changed', async () => withPayload(await insider.record(), { incarnation: 1 })],
    [
      'with a record under another kid that it signed itself',
      async () =>
        forgeJws(
          { alg: 'EdDSA', typ: 'member+jws', kid: agent.peerId },
          { incarnation: Date.now(), addrs: [], homeRelays: [], services: [], serial: 'A'.repeat(22) },
          insider,
        ),
    ],
    [
      'with a record from the future',
      async () => insider.record({ incarnation: Date.now() + 2 * 24 * 3600_000 }),
    ],
  ])('%s is not let in', async (_, record) => {
    const visit = await member.visit(doors.agent)
    const answer = await visit.hello({
      versions: [1],
      credential: insider.credential,
      record: await record(),
    })
    expect(answer).toMatchObject({ refused: 'unauthenticated' })
  })

  test('says hello twice on one connection: the second one hears nothing', async () => {
    const visit = await admitted(doors.agent)
    const again = await visit.say(helloProtocol, lengthPrefixed('{"versions":[1]}'))
    expect(again.toString()).not.toContain('credential')
    visit.connection.abort(new Error('done'))
  })
})
