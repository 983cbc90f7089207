import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyHead, type VerifiedHead } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keySettleMs } from '../../defaults.ts'
import { changeFeed } from '../../domain/change-feed.ts'
import { headService } from '../../domain/head.ts'
import type { MeshContext } from '../../domain/mesh-context.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts'
import type { Store } from '../../store/store.ts'
import { localAuthority, type LocalAuthority } from './local-authority.ts'
import { openMesh } from './mesh-keys.ts'

let data: string
let now: number
let store: Store
const clock = { now: () => now }

interface Opened {
  mesh: MeshContext
  authority: LocalAuthority
  /** Thumbprint of the key that signs a head now, which is verified as members do. */
  head(): Promise<VerifiedHead>
}

/** One run of a control plane on the data folder. @param crash called before each step that changes something */
async function open(crash: () => void = () => {}, restored = false): Promise<Opened> {
  const fragile: Store = {
    ...store,
    headParts: {
      ...store.headParts,
      writePart: (...args) => {
        crash()
        return store.headParts.writePart(...args)
      },
    },
  }
  const { ring, root, files } = await openMesh({ data, store, clock, restored })
  const promote = (kid: string) => {
    crash()
    return files.promote(kid)
  }
  const { keys, signer } = ring
  const rest = { store: fragile, clock, changes: changeFeed(), publicUrl: 'https://mesh.example.com' }
  const mesh = { meshId: keys.meshId, keys, signer, ring, ...rest }
  const head = headService(mesh)
  return {
    mesh,
    authority: localAuthority({ ...mesh, root, files: { ...files, promote } }),
    head: async () => verifyHead(keys.meshId, await head.signed()),
  }
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'authority-'))
  now = Date.UTC(2026, 0, 1)
  store = openSqliteStore({ file: join(data, 'control-plane.db'), clock })
})
afterEach(async () => {
  await store.close()
  await rm(data, { recursive: true })
})

describe('rotate()', () => {
  test('tells everybody of the new key before it signs, and then signs everything with it', async () => {
    const { authority, mesh, head } = await open()
    const old = mesh.keys.current.kid
    const { kid, signsAt } = await authority.rotate({ revoke: false, by: 'operator' })
    expect(signsAt).toBe(now + keySettleMs)
    expect(await head()).toMatchObject({ signedBy: old, numbers: { keys: 2, policy: 1 } })
    expect((await authority.rotate({ revoke: false, by: 'operator' })).kid).toBe(kid)

    now = signsAt
    await authority.settle()
    const after = await head()
    expect(after).toMatchObject({ signedBy: kid, numbers: { keys: 2, policy: 2, relays: 2, revocations: 2 } })
    expect(after.keys.keyOf(old)).toBeDefined()
    const files = (await readdir(data)).filter(name => name.startsWith('authority-key'))
    expect(files.sort()).toEqual([`authority-key-retired-${old.slice(0, 8)}.json`, 'authority-key.json'])
    for (const file of files) expect((await stat(join(data, file))).mode & 0o777).toBe(0o600)
    expect((await store.audit.listAudit({ limit: 10 })).at(-1)).toMatchObject({
      who: 'operator',
      what: 'key.rotate',
    })
  })

  test('with a stolen key lets nothing count that it signed', async () => {
    const { authority, mesh, head } = await open()
    const old = mesh.keys.current.kid
    const { kid, revoked } = await authority.rotate({ revoke: true, by: 'operator' })
    expect(revoked).toEqual([old])
    const after = await head()
    expect(after.signedBy).toBe(kid)
    expect(() => after.keys.keyOf(old)).toThrow('signed by a revoked authority key')
    expect((await (await open()).head()).signedBy).toBe(kid)
  })

  test('is followed by another control plane that has the keys, and by one that has only the old', async () => {
    const first = await open()
    const second = await open()
    const { kid, signsAt } = await first.authority.rotate({ revoke: false, by: 'operator' })
    now = signsAt
    await first.authority.settle()
    expect((await second.head()).signedBy).toBe(kid)
  })

  test.each([
    { revoke: false, steps: 6 },
    { revoke: true, steps: 8 },
  ])(
    '(revoke: $revoke) that dies at any step leaves a mesh that works and goes on',
    async ({ revoke, steps }) => {
      let died = 0
      for (let step = 1; step <= steps + 1; step++) {
        let left = step
        const crash = () => {
          if (--left === 0) throw new Error(`killed at step ${step}`)
        }
        const run = await open(crash)
        const killed = await attempt(run, revoke)
        if (killed) died++
        const next = await open()
        await next.authority.settle()
        const seen = await next.head()
        expect(seen.numbers.keys, `killed at step ${step}`).toBe(next.mesh.keys.signed.links.length)
        now += keySettleMs
        await next.authority.settle()
        const { kid, signsAt } = await next.authority.rotate({ revoke, by: 'operator' })
        now = Math.max(now, signsAt)
        await next.authority.settle()
        expect((await next.head()).signedBy).toBe(kid)
        expect((await (await open()).head()).signedBy).toBe(kid)
      }
      expect(died).toBeGreaterThanOrEqual(steps - 1)
    },
  )
})

/** @returns whether it was killed */
async function attempt({ authority }: Opened, revoke: boolean): Promise<boolean> {
  try {
    const { signsAt } = await authority.rotate({ revoke, by: 'operator' })
    now = Math.max(now, signsAt)
    await authority.settle()
    return false
  } catch (error) {
    expect(String(error)).toContain('killed at step')
    return true
  }
}
