import { loadIdentity } from '@agent-mesh/agent/identity/identity-file'
import type { MeshError } from '@agent-mesh/protocol/errors'
import type { Signer } from '@agent-mesh/protocol/jws'

import { readContext } from '../data/context-file.ts'
import { learn } from './learn.ts'

/** The key that signs requests to the control plane. */
export interface AdminKey {
  peerId: string
  signer: Signer
}

/** Where the control plane of this context is, and the admin key. @throws MeshError not_found, invalid_argument */
export async function readAdminFacts(
  folder: string,
): Promise<{ url: string; meshId: string; identity: AdminKey | MeshError }> {
  const { url, meshId, admin } = await readContext(folder)
  return { url, meshId, identity: await learn('read the admin key', () => loadIdentity(folder, admin)) }
}
