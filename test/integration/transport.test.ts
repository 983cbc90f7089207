import { createTransport, generateIdentity, type DialTarget, type Transport } from '@agent-mesh/agent'
import { admit, signCredential } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, testSerial } from '../support/mesh-fixture.ts'

let mesh: TestMesh
const errors: unknown[] = []
const transports: Transport[] = []

beforeEach(async () => {
  mesh = await TestMesh.create()
})
afterEach(async () => {
  await Promise.all(transports.splice(0).map(transport => transport.stop()))
  expect(errors.splice(0)).toEqual([])
})

/** Enrols a member and starts its transport on loopback. */
async function join(name: string): Promise<Transport> {
  const identity = await generateIdentity()
  const { signer } = mesh.authority
  const iat = Math.floor(Date.now() / 1000)
  const credential = await signCredential(signer, {
    iss: mesh.meshId,
    sub: identity.peerId,
    serial: testSerial(),
    jti: testSerial(),
    name,
    roles: ['agent'],
    tags: [],
    iat,
    exp: iat + 3600,
  })
  const revocations = { peerIds: new Set<string>(), serials: new Set<string>(), ended: new Map() }
  const head = { keys: mesh.keys, revocations }
  const transport = await createTransport({
    identity,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    hello: () => ({ versions: [1], credential }),
    admit: (hello, peerId) => admit(hello, peerId, head, Date.now()),
    onError: error => errors.push(error),
  })
  transports.push(transport)
  await transport.start()
  return transport
}

const target = (transport: Transport): DialTarget => ({
  peerId: transport.peerId,
  addrs: transport.addresses(),
  relays: [],
})

/** For handshakes on a busy machine: those of ten members took 22 s at a load of 25. */
const inTime = () => performance.now() + 120_000

const joinAll = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => join(`member-${i}`)))

describe('a rush of dials', () => {
  test('of all members to all others at once leaves one link for each pair, the same at both ends', async () => {
    const members = await joinAll(10)
    const deadline = inTime()
    await Promise.all(
      members.flatMap(a => members.filter(b => b !== a).map(b => a.connect(target(b), { deadline }))),
    )
    await vi.waitFor(() => {
      expect(members.map(member => member.links.size)).toEqual(members.map(() => 9))
      // The two ends of a link learn of it one after the other.
      for (const a of members)
        for (const b of members) expect(a.links.best(b.peerId)?.dialler).toBe(b.links.best(a.peerId)?.dialler)
    }, 20_000)
  })

  test('to one member is served to the last', async () => {
    const [hub, ...others] = (await joinAll(41)) as [Transport, ...Transport[]]
    const deadline = inTime()
    const links = await Promise.all(others.map(other => other.connect(target(hub), { deadline })))
    expect(links.every(link => link.state === 'up')).toBe(true)
    await vi.waitFor(() => expect(hub.links.size).toBe(40), 20_000)
  })
})
