/** Checks the audit chain of a control plane: each entry, the head that the authority signed, and what was seen before. */
import type { AuditReply } from '@agent-mesh/protocol/api/audit'
import { AuditVerifier, type AuditBreak, type AuditHead } from '@agent-mesh/protocol/audit'
import { verifyAuditHead, type SignedAuditHead } from '@agent-mesh/protocol/audit-head'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { KeyChain } from '@agent-mesh/protocol/key-chain'

export interface PagesVerdict {
  first: number | undefined
  head: AuditHead
  broken: AuditBreak | undefined
  /** The newest head that the authority signed; the chain goes through it. Absent before the first one. */
  signed?: SignedAuditHead
  /** Entries on record that have no place in the chain yet. Absent when there are none. */
  waiting?: AuditReply['waiting']
}

/**
 * @param pages from the first entry on
 * @param keys of the mesh, which the signature is checked by
 * @param known a place that the chain must still go through
 */
export async function verifyPages(
  pages: AsyncIterable<AuditReply>,
  keys: KeyChain,
  known: AuditHead | undefined,
): Promise<PagesVerdict> {
  let verifier = new AuditVerifier()
  let found: PagesVerdict | undefined
  let told: AuditHead | undefined
  for await (const page of pages) {
    if (found === undefined) {
      told = page.head
      found = { first: page.entries[0]?.seq, head: verifier.head, broken: undefined }
      if (page.waiting !== undefined) found.waiting = page.waiting
      const signed = await signedHead(page.signed, keys)
      if (signed !== undefined && 'why' in signed) return { ...found, broken: signed }
      if (signed !== undefined) found.signed = signed
      verifier = new AuditVerifier({ known: [known ?? [], signed ?? []].flat() })
    }
    for (const entry of page.entries) {
      const broken = verifier.add(entry)
      if (broken !== undefined) return { ...found, head: verifier.head, broken }
    }
  }
  const { head } = verifier
  const cut: AuditBreak | undefined =
    told !== undefined && told.seq > head.seq
      ? { seq: head.seq + 1, why: 'truncated', reason: `the store ends at ${told.seq}` }
      : verifier.end()
  return { first: undefined, ...found, head, broken: cut }
}

/** One by a key that was revoked proves nothing: the next one is signed by its successor. */
async function signedHead(
  jws: string | undefined,
  keys: KeyChain,
): Promise<SignedAuditHead | AuditBreak | undefined> {
  if (jws === undefined) return undefined
  const { meshId } = keys
  try {
    return await verifyAuditHead(jws, meshId, kid => keys.keyOf(kid))
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    const byRevoked = await verifyAuditHead(jws, meshId, kid => keys.everKeyOf(kid)).catch(() => undefined)
    if (byRevoked !== undefined) return undefined
    return { seq: 0, why: 'altered', reason: `its signed head is none of this mesh: ${error.message}` }
  }
}
