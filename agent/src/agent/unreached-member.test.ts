/** Members that cannot be reached: what callers hear of them, and who is waited for. */
import type { MeshError } from '@agent-mesh/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { deadAddr, testTargets, type TestTargets } from './testing/test-targets.ts'

let documents: TestMesh
let kit: TestTargets

beforeEach(async () => {
  documents = await TestMesh.create()
  kit = await testTargets(documents)
})
afterEach(() => kit.stop())

/** A member that has neither an address nor a relay; `ageMs`: since it signed its record. */
async function unreachable(ageMs = 60_000): Promise<TestMember> {
  const member = await documents.member({ name: 'edge-8' })
  await kit.know(member, { addrs: [], incarnation: Date.now() - ageMs })
  return member
}

const notLinked = ({ peerId }: TestMember): Promise<MeshError> =>
  kit.targets.link(peerId, {}).then(
    () => expect.fail('linked'),
    (error: unknown) => error as MeshError,
  )

test('a member that is offline is told as offline, with the time it was last seen, whatever its dial failed with', async () => {
  const away = await unreachable()
  const relay = kit.presence.from('relay-1')
  relay.tell({ full: true, up: [away.peerId], down: [] })
  const reported = Date.now()
  relay.tell({ full: false, up: [], down: [away.peerId] })
  const error = await notLinked(away)
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(
      /^Cannot connect to edge-8: it is offline, last seen \d{4}-.*Z$/,
    ) as string,
  })
  const { lastSeen } = error.details as { lastSeen: string }
  expect(Math.abs(Date.parse(lastSeen) - reported)).toBeLessThan(60_000)
})

test('a member of which no relay reports is not told as offline', async () => {
  const error = await notLinked(await unreachable())
  expect(error.message).toBe('Cannot connect to edge-8: it has no address and no relay')
})

test('the first way of a member that has just started is waited for', async () => {
  const started = await unreachable(0)
  const failed = notLinked(started)
  const addr = await deadAddr()
  await kit.know(started, { addrs: [addr], incarnation: Date.now() + 1 })
  kit.targets.refresh(new Set([started.peerId]))
  expect(await failed).toMatchObject({
    code: 'unavailable',
    details: { attempts: [expect.stringContaining(addr)] as string[] },
  })
})

test('of several providers a call takes another at once when one has no way yet', async () => {
  const started = await unreachable(0)
  const early = Promise.resolve(kit.targets.callee(started.peerId, { deadline: performance.now() + 60_000 }))
  await expect(early).rejects.toMatchObject({
    code: 'unavailable',
    message: 'Cannot connect to edge-8: it has no address and no relay',
  })
  expect(await kit.targets.callee(kit.agent.peerId, { deadline: 0 })).toBe(kit.self)
})
