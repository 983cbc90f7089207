/** A store whose database fails during writes: all writes are made, each once. */
import type { Enrolment, Store } from '@agent-mesh/lambdas'
import { expect } from 'vitest'
import { newSerial, recordOf, tokenOf, type TestClock } from './store-fixture.ts'

/** Enrols and publishes members while faults happen, and removes some. */
export async function workThroughFaults(store: Store, clock: TestClock): Promise<void> {
  const { hash } = await store.tokens.createToken(tokenOf(clock, { uses: 10 }))
  const join = (i: number) =>
    store.enrolments.redeem({
      tokenHash: hash,
      peerId: `p-${i}`,
      requestedName: 'host',
      serial: newSerial(),
      expiresAt: clock.now() + 3600_000,
    })
  const joined = await Promise.all(Array.from({ length: 10 }, (_, i) => join(i)))
  const enrolments: Enrolment[] = []
  for (const { enrolment } of joined) {
    const { peerId, serial, expiresAt } = enrolment
    enrolments.push(
      await store.enrolments.recordCredential({ peerId, serial, expiresAt, credential: `of-${peerId}` }),
    )
  }
  await Promise.all(enrolments.map(enrolment => store.directory.putMember(recordOf(enrolment, 1))))
  for (const { peerId, serial } of enrolments.slice(0, 3))
    expect(await store.directory.removeMember(peerId, serial)).toMatchObject({ written: true })
  expect(await store.ledger.claimNonce('n', clock.now() + 1000)).toBe(true)
  for (const what of ['join', 'renew', 'revoke'] as const)
    await store.audit.appendAudit({ at: clock.now(), who: 'admin', what })
  const report = { relay: 'r', epoch: 'e', seq: 1, down: [], status: '{}' }
  await store.presence.applyReport({
    ...report,
    up: enrolments.map(({ peerId }) => ({ peerId, homeSeq: 1 })),
  })
}

/** Checked after the faults: nothing is lost, nothing was done twice. */
export async function expectAllDoneOnce(store: Store): Promise<void> {
  const [token] = await store.tokens.listTokens({ limit: 10 })
  expect(token).toMatchObject({ uses: 10, left: 0 })
  expect(await store.enrolments.countMembers()).toBe(7)
  const peerIds = Array.from({ length: 10 }, (_, i) => `p-${i}`)
  const enrolments = await Promise.all(peerIds.map(peerId => store.enrolments.readEnrolment(peerId)))
  expect(new Set(enrolments.map(enrolment => enrolment?.name))).toEqual(
    new Set(['host', ...Array.from({ length: 9 }, (_, i) => `host-${i + 2}`)]),
  )
  const members = await store.directory.readMembers(peerIds)
  expect(members).toHaveLength(7)
  expect(members.every(({ online }) => online)).toBe(true)
  const { v } = await store.directory.readHeads()
  expect(v.reduce((sum, number) => sum + number)).toBe(13)
  for (const [shard, head] of v.entries()) {
    const changes = await store.directory.readChanges(shard, { after: 0, limit: 100 })
    expect(changes.map(change => change.v)).toEqual(Array.from({ length: head }, (_, i) => i + 1))
  }
  expect((await store.audit.listAudit({ limit: 10 })).map(({ what }) => what)).toEqual([
    'join',
    'renew',
    'revoke',
  ])
}
