import { expect, it } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { rotateAuthority } from '../operator/rotate-mesh-key.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { changeFeed } from './change-feed.ts'
import { foundMesh } from './found-mesh.ts'
import { headService } from './head.ts'
import { keyring, readKeyChain } from './keyring.ts'

it('the head tells the key that signs, although its parts were read just before another process introduced it', async () => {
  const clock = { now: () => Date.UTC(2030, 0, 1) }
  const [mesh, later] = [await TestMesh.create(clock), await TestMesh.create(clock)]
  const store = openSqliteStore({ file: ':memory:', clock })
  try {
    const { root, authority } = mesh
    const next = later.authority
    await foundMesh({ store, clock, root, authority })
    const keys = await readKeyChain(store.headParts, mesh.meshId)
    if (keys === undefined) throw new Error('no mesh')
    const open = (kid: string) =>
      Promise.resolve([authority, next].find(({ signer }) => signer.kid === kid)?.signer)
    const ring = keyring({ store, clock, keys, open })
    const { signer } = ring
    const head = headService({
      ...{ meshId: mesh.meshId, store, clock, signer, ring, keys: ring.keys },
      ...{ changes: changeFeed(), publicUrl: '' },
    })
    const before = await head.signed()
    await rotateAuthority({ store, clock, next, own: [authority], root })
    await ring.refresh()
    expect((await ring.pick()).kid).toBe(next.signer.kid)
    const after = await head.signed()
    expect(after.keys.links.length).toBeGreaterThan(before.keys.links.length)
    expect(after.keys).toEqual(ring.keys.signed)
  } finally {
    await store.close()
  }
})
