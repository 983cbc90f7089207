import { controlPlaneClient, type ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { loadIdentity } from '@agent-mesh/agent/identity/identity-file'

import type { ProxySettings } from '../settings.ts'
import { readContext } from './context-file.ts'

/**
 * The control plane, asked with the admin key of a context.
 * @throws MeshError not_found when this context administers no mesh, permission_denied when the key is readable to others
 */
export async function adminClient(
  folder: string,
  proxy: ProxySettings | undefined,
): Promise<ControlPlaneClient> {
  const { url, meshId, admin } = await readContext(folder)
  const { signer } = await loadIdentity(folder, admin)
  return controlPlaneClient({ url, meshId, signer, proxy })
}
