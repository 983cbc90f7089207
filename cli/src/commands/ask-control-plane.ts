import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'

import type { Settings } from '../settings.ts'
import { withProgress } from '../show/progress.ts'

/**
 * The control plane, as the admin whose key the context has.
 * @throws MeshError not_found when this context administers no mesh, permission_denied when the key is readable to others
 */
export async function controlPlaneOf({ data, proxy }: Settings): Promise<ControlPlaneClient> {
  const { adminClient } = await import('../data/admin-client.ts')
  return adminClient(data, proxy)
}

/** Asks it, and says so when that takes long. @throws MeshError as {@link controlPlaneOf} and as `ask` */
export async function askControlPlane<T>(
  settings: Settings,
  ask: (client: ControlPlaneClient) => Promise<T>,
): Promise<T> {
  const client = await controlPlaneOf(settings)
  return withProgress(settings, `Asking ${client.url}`, () => ask(client))
}
