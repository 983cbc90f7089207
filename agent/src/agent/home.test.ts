import { verifyHomeClaim } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testKey, type TestKey } from '../../../test/support/mesh-fixture.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { Home } from './home.ts'

let store: MemberStore
let member: TestKey
let relays: [string, string]
/** Unix milliseconds. */
let now: number

beforeEach(async () => {
  store = openMemberStore(':memory:')
  member = await testKey()
  relays = [(await testKey()).kid, (await testKey()).kid]
  now = 1_700_000_000_000
})
afterEach(() => store.close())

const home = () => new Home({ signer: member.signer, store, clock: { now: () => now, monotonic: () => 0 } })
const claimOf = async (at: Home, relay: string) => {
  const claim = await at.claimFor(relay)
  return claim === undefined ? undefined : verifyHomeClaim(claim)
}

describe('Home', () => {
  test('claims the relay it is at, and no other', async () => {
    const own = home()
    expect(await own.claimFor(relays[0])).toBeUndefined()
    expect(own.moveTo(relays[0])).toBe(true)
    expect(own.moveTo(relays[0])).toBe(false)
    expect(await claimOf(own, relays[0])).toMatchObject({
      peerId: member.kid,
      relay: relays[0],
      homeSeq: now,
    })
    expect(await own.claimFor(relays[1])).toBeUndefined()
  })

  test('numbers each move higher, over restarts and with a clock that stepped back', async () => {
    const first = home()
    first.moveTo(relays[0])
    const before = (await claimOf(first, relays[0]))?.homeSeq ?? 0
    now -= 3600_000
    const again = home()
    again.moveTo(relays[1])
    expect((await claimOf(again, relays[1]))?.homeSeq).toBe(before + 1)
  })

  test('shows one claim however often it is asked: two numbers would be two moves', async () => {
    const own = home()
    own.moveTo(relays[0])
    expect(await own.claimFor(relays[0])).toBe(await own.claimFor(relays[0]))
  })

  test('claims nothing once it has left', async () => {
    const own = home()
    own.moveTo(relays[0])
    own.moveTo(undefined)
    expect(await own.claimFor(relays[0])).toBeUndefined()
  })
})
