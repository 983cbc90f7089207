import { beforeEach, describe, expect, test } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { createLogger } from '../observe/logger.ts'
import { headKeeper, type HeadKeeper } from './head-keeper.ts'
import { openMemberStore, type MemberStore } from './member-store.ts'

const log = createLogger('test', 'silent')
let mesh: TestMesh
let store: MemberStore
let keeper: HeadKeeper

beforeEach(async () => {
  mesh = await TestMesh.create()
  store = openMemberStore(':memory:')
  keeper = await headKeeper({ meshId: mesh.meshId, store, log })
})

describe('headKeeper()', () => {
  test('says what to do while no head is known', async () => {
    expect(await refusal(() => keeper.current)).toMatch(/^unavailable: /)
  })

  test('keeps the head over a restart', async () => {
    await keeper.accept(await mesh.head({ numbers: { policy: 4 } }))
    const again = await headKeeper({ meshId: mesh.meshId, store, log })
    expect(again.current.numbers.policy).toBe(4)
  })

  test('tells listeners of a change once', async () => {
    const seen: number[] = []
    keeper.onChange(head => seen.push(head.numbers.relays))
    const head = await mesh.head({ numbers: { relays: 2 } })
    expect(await keeper.accept(head)).toBe(true)
    expect(await keeper.accept(head)).toBe(false)
    expect(seen).toEqual([2])
  })

  test('refuses a head with a lower number, after a restart too', async () => {
    await keeper.accept(await mesh.head({ numbers: { revocations: 3 } }))
    const again = await headKeeper({ meshId: mesh.meshId, store, log })
    const older = await mesh.head({ numbers: { revocations: 2 } })
    expect(await refusal(again.accept(older))).toMatch(/^conflict: .*revocations/)
    expect(again.current.numbers.revocations).toBe(3)
  })

  test('hears of a revocation from a control plane whose clock was ahead before', async () => {
    await keeper.accept(await mesh.head({ issuedAt: Date.now() + 24 * 3600_000 }))
    expect(await keeper.accept(await mesh.head({ numbers: { revocations: 2 } }))).toBe(true)
    expect(keeper.current.numbers.revocations).toBe(2)
  })

  test('follows the rotation of the authority key, and refuses another branch of it', async () => {
    await keeper.accept(await mesh.head())
    const branch = mesh.copy()
    await branch.rotate()
    await mesh.rotate()
    expect(await keeper.accept(await mesh.head())).toBe(true)
    expect(await refusal(keeper.accept(await branch.head({ numbers: { policy: 2 } })))).toMatch(
      /^conflict: .*authority keys/,
    )
  })

  test('hears the root over whoever stole the authority key, however high the thief counts', async () => {
    const thief = mesh.copy()
    await thief.rotate()
    await keeper.accept(await thief.head({ numbers: { policy: 1000 } }))
    await mesh.rotate('Ed25519', mesh.root)
    await mesh.revokeKeys()
    expect(await keeper.accept(await mesh.head())).toBe(true)
    expect(keeper.current.numbers.policy).toBe(1)
    expect(await refusal(keeper.accept(await thief.head({ numbers: { policy: 1001 } })))).toMatch(
      /^conflict: /,
    )
  })

  test('refuses the head that strangers are told, whatever its numbers', async () => {
    const strangers = await mesh.head({ forStrangers: true, numbers: { policy: 9, revocations: 9 } })
    expect(await refusal(keeper.accept(strangers))).toMatch(/^conflict: .*strangers/)
    await keeper.accept(await mesh.head())
    expect(await refusal(keeper.accept(strangers))).toMatch(/^conflict: .*strangers/)
    expect(keeper.current.numbers.policy).toBe(1)
  })

  test('refuses the head of another mesh', async () => {
    const other = await TestMesh.create()
    expect(await refusal(keeper.accept(await other.head()))).toMatch(/^unauthenticated: /)
  })
})
