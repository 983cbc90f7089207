import { loadIdentity } from '@agent-mesh/agent/identity/identity-file'
import { signScalingToken } from '@agent-mesh/protocol/scaling-token'

import { readContext } from './context-file.ts'

/**
 * Signs a token for readers of scaling signals with the admin key of a context, without the control plane.
 * @throws MeshError not_found when this context administers no mesh, permission_denied when the key is readable to others
 */
export async function scalingToken(
  folder: string,
  { lifeMs, service }: { lifeMs: number; service: string | undefined },
): Promise<string> {
  const { meshId, admin } = await readContext(folder)
  const { signer } = await loadIdentity(folder, admin)
  return signScalingToken(signer, {
    ...{ meshId, now: Date.now(), lifeMs },
    ...(service !== undefined && { service }),
  })
}
