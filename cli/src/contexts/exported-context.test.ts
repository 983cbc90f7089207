import { generateIdentity } from '@agent-mesh/agent/identity/identity'
import { beforeAll, describe, expect, it } from 'vitest'

import { exportContext, openExported, readExported, type AdminContext } from './exported-context.ts'

const passphrase = 'correct horse battery'
let admin: AdminContext
let sealed: string
beforeAll(async () => {
  admin = { url: 'https://mesh.example.com', meshId: 'a'.repeat(52), identity: await generateIdentity() }
  sealed = await exportContext(admin, passphrase)
})

const opened = (text: string, given: string | undefined) => openExported(readExported(text, 'f'), given)

describe('an exported context', () => {
  it('comes back with its passphrase, and holds no secret in clear text', async () => {
    const { d } = admin.identity.privateJwk()
    expect(sealed).not.toContain(d)
    const { url, meshId, identity } = await opened(sealed, passphrase)
    expect({ url, meshId, peerId: identity.peerId }).toEqual({
      url: admin.url,
      meshId: admin.meshId,
      peerId: admin.identity.peerId,
    })
    expect(identity.privateJwk()).toEqual(admin.identity.privateJwk())
  })

  it('is sealed with a salt of its own each time', async () => {
    expect(await exportContext(admin, passphrase)).not.toBe(sealed)
  })

  it.each([
    ['another passphrase', (text: string) => text, 'Correct horse battery'],
    ['another URL', (text: string) => text.replace('mesh.example', 'evil.example'), passphrase],
    ['another mesh', (text: string) => text.replace('a'.repeat(52), 'b'.repeat(52)), passphrase],
    ['a key that was cut', (text: string) => text.replace(/"key": "..../, '"key": "'), passphrase],
  ])('is refused with %s', async (_, change, given) => {
    await expect(opened(change(sealed), given)).rejects.toMatchObject({ code: 'permission_denied' })
  })

  it.each([
    ['a cheaper key derivation', (text: string) => text.replace('131072', '1')],
    ['one that would take all memory', (text: string) => text.replace('131072', '1073741824')],
    ['fields it does not know', (text: string) => text.replace('{', '{"x":1,')],
    ['no JSON', () => 'x'],
  ])('is refused with %s', (_, change) => {
    expect(() => readExported(change(sealed), 'f')).toThrow('Cannot read exported context f')
  })

  it('needs a passphrase that is worth it, or none at all', async () => {
    await expect(exportContext(admin, 'short')).rejects.toThrow('fewer than 12 characters')
    const { identity } = await opened(await exportContext(admin, undefined), undefined)
    expect(identity.peerId).toBe(admin.identity.peerId)
  })
})
