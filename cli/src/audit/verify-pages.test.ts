import {
  auditRoot,
  nextAuditEntry,
  signAuditHead,
  type AuditEntry,
  type AuditHead,
  type AuditReply,
} from '@agent-mesh/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { verifyPages } from './verify-pages.ts'

function chainOf(length: number, who = 'admin'): [AuditEntry, ...AuditEntry[]] {
  let head: AuditHead = auditRoot
  const entries = Array.from({ length }, (_, i) => {
    const entry = nextAuditEntry(head, { at: i, who, what: 'policy' })
    head = entry
    return entry
  })
  return entries as [AuditEntry, ...AuditEntry[]]
}

async function* paged(
  entries: readonly AuditEntry[],
  first: Partial<AuditReply> = {},
): AsyncGenerator<AuditReply> {
  const head = entries.at(-1) ?? auditRoot
  for (let i = 0; i < Math.max(1, entries.length); i += 2)
    yield { head, entries: entries.slice(i, i + 2), ...(i === 0 ? first : {}) }
}

describe('verifying the audit of a control plane', () => {
  let mesh: TestMesh
  beforeAll(async () => void (mesh = await TestMesh.create()))
  const signed = (head: AuditEntry, by = mesh): Promise<string> =>
    signAuditHead(by.authority.signer, by.meshId, { seq: head.seq, hash: head.hash, at: 9 })
  const verify = (entries: readonly AuditEntry[], first?: Partial<AuditReply>, known?: AuditHead) =>
    verifyPages(paged(entries, first), mesh.keys, known)

  it('goes through the signed head, and tells what waits for its place', async () => {
    const entries = chainOf(5)
    const waiting = [{ at: 1, who: 'ada', what: 'join' }]
    const third = entries[2] as AuditEntry
    expect(await verify(entries, { signed: await signed(third), waiting })).toMatchObject({
      first: 1,
      head: { seq: 5 },
      broken: undefined,
      signed: { seq: 3, at: 9 },
      waiting,
    })
    const bare = await verify(entries)
    expect(bare.broken).toBeUndefined()
    expect(bare).not.toHaveProperty('signed')
    expect(await verify([])).toMatchObject({ first: undefined, broken: undefined })
  })

  it('finds that the chain was written anew or cut off since it was signed', async () => {
    const [first, second] = chainOf(5)
    const jws = await signed(second as AuditEntry)
    expect((await verify(chainOf(5, 'mallory'), { signed: jws })).broken).toMatchObject({
      seq: 2,
      why: 'altered',
    })
    expect((await verify([first], { signed: jws })).broken).toMatchObject({ seq: 2, why: 'truncated' })
  })

  it('finds a head that no authority key of the mesh signed', async () => {
    const entries = chainOf(2)
    const forged = await signed(entries[0], await TestMesh.create())
    expect((await verify(entries, { signed: forged })).broken).toMatchObject({ why: 'altered' })
  })

  it('still finds by the last visit that the end was cut off', async () => {
    const entries = chainOf(5)
    const broken = (await verify(entries.slice(0, 3), {}, entries[4])).broken
    expect(broken).toMatchObject({ seq: 4, why: 'truncated' })
  })
})
