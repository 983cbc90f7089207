import { beforeAll, describe, expect, it } from 'vitest'
import { TestMesh } from '../../test/support/mesh-fixture.ts'
import { signAuditHead, verifyAuditHead } from './audit-head.ts'
import { signDocument } from './jws.ts'

const head = { seq: 7, hash: 'h'.repeat(43), at: 1_000 }
const refused = { code: 'unauthenticated' }

describe('the signed head of an audit chain', () => {
  let mesh: TestMesh
  beforeAll(async () => void (mesh = await TestMesh.create()))
  const verify = (jws: string, of = mesh) => verifyAuditHead(jws, of.meshId, kid => of.keys.keyOf(kid))

  it('comes back as it was signed', async () => {
    expect(await verify(await signAuditHead(mesh.authority.signer, mesh.meshId, head))).toEqual(head)
  })

  it('counts in its own mesh, by an authority key and as its own kind alone', async () => {
    const { signer } = mesh.authority
    const other = await TestMesh.create()
    await expect(verify(await signAuditHead(signer, other.meshId, head))).rejects.toMatchObject(refused)
    await expect(
      verify(await signAuditHead(other.authority.signer, mesh.meshId, head)),
    ).rejects.toMatchObject(refused)
    const asHead = await signDocument(signer, 'head+jws', { mesh: mesh.meshId, ...head })
    await expect(verify(asHead)).rejects.toMatchObject(refused)
    await expect(signAuditHead(signer, mesh.meshId, { ...head, hash: 'short' })).rejects.toThrow('hash')
  })
})
