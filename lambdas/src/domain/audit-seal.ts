/**
 * Signs the head of the audit chain. Before that the entries since the last signed head are checked: a head is signed only
 * if its chain includes the previous signed head, so write access to the database does not get another history signed.
 */
import {
  AuditVerifier,
  kidOf,
  MeshError,
  signAuditHead,
  verifyAuditHead,
  type AuditHead,
  type SignedAuditHead,
} from '@agent-mesh/protocol'
import { auditSealTimes as limits } from '../defaults.ts'
import type { HeadPart } from '../store/parts/head-parts.ts'
import type { MeshParts } from './mesh-context.ts'

/** The part of the head that holds the signed audit head; its number is that of the entry. Members do not get it. */
export const auditPart = 'audit'

export interface AuditSeal {
  /**
   * Chains waiting entries, then signs the head of the chain: once an hour, if there are new entries. Of a chain with a
   * fault nothing is signed, and {@link AuditSeal.warning} describes the fault.
   */
  seal(): Promise<void>
  /** The fault that the last {@link AuditSeal.seal} found, in words. */
  warning(): string | undefined
}

type Needs = MeshParts<'meshId' | 'keys' | 'ring' | 'signer' | 'clock', 'headParts' | 'audit'>

export function auditSeal(mesh: Needs): AuditSeal {
  const { store, clock, signer, meshId } = mesh
  let found: string | undefined

  const sign = async (part: HeadPart | undefined, { seq, hash }: AuditHead): Promise<void> => {
    const document = await signAuditHead(signer, meshId, { seq, hash, at: clock.now() })
    try {
      await store.headParts.writePart(auditPart, part?.number ?? 0, document, seq)
    } catch (error) {
      // Another process signed it.
      if (!(error instanceof MeshError) || error.code !== 'conflict') throw error
    }
  }

  return {
    seal: async () => {
      await store.audit.chainAudit()
      const part = await store.headParts.readPart(auditPart)
      const head = await store.audit.readAuditHead()
      if (head.seq === 0 && part === undefined) return
      if (part !== undefined && Math.abs(clock.now() - part.writtenAt) < limits.everyMs && isLive(mesh, part))
        return
      found = part && (await brokenSince(mesh, part, head))
      const isNew = part === undefined || head.seq > part.number
      if (found === undefined && isNew) await sign(part, head)
    },
    warning: () =>
      found && `the audit chain is not what was signed: ${found}. See what changed: agent-mesh audit verify`,
  }
}

/** False once its key was revoked: then it is signed anew at once. */
function isLive({ keys, ring }: Needs, { document }: HeadPart): boolean {
  try {
    ;(ring?.keys ?? keys).keyOf(kidOf(document, 'audit+jws'))
    return true
  } catch (error) {
    if (error instanceof MeshError) return false
    throw error
  }
}

/** The fault in the entries after the last signed head, in words. */
async function brokenSince(mesh: Needs, part: HeadPart, head: AuditHead): Promise<string | undefined> {
  const signed = await signedHead(mesh, part)
  if (signed === undefined) return 'the signature of its last head does not fit'
  if (head.seq === signed.seq && head.hash === signed.hash) return undefined
  const verifier = new AuditVerifier({ from: signed, known: signed })
  while (verifier.head.seq < head.seq) {
    const entries = await mesh.store.audit.listAudit({ after: verifier.head.seq, limit: limits.page })
    for (const entry of entries) {
      const broken = verifier.add(entry)
      if (broken !== undefined) return `entry ${broken.seq} is broken (${broken.why}): ${broken.reason}`
    }
    if (entries.length === 0) break
  }
  if (verifier.head.seq >= head.seq && head.seq > signed.seq) return undefined
  return `it ends after ${head.seq}, and was signed up to ${signed.seq}`
}

/** Undefined when no authority key signed it: a key that was revoked since still shows how far the chain went. */
async function signedHead(
  { meshId, keys, ring }: Needs,
  part: HeadPart,
): Promise<SignedAuditHead | undefined> {
  try {
    return await verifyAuditHead(part.document, meshId, kid => (ring?.keys ?? keys).everKeyOf(kid))
  } catch (error) {
    if (error instanceof MeshError) return undefined
    throw error
  }
}
