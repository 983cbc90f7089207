/** Where the page has its facts from: the control plane, asked with the admin key, and the agent of this machine. */
import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { MeshError } from '@agent-mesh/protocol/errors'

import { adminClient } from '../data/admin-client.ts'
import { hasContext } from '../data/context-file.ts'
import { localClient, type LocalClient } from '../local/local-client.ts'
import type { Settings } from '../settings.ts'

export interface PageSource {
  /** Absent: this context administers no mesh. */
  readonly admin: ControlPlaneClient | undefined
  /** Data folder of the agent of this machine, which need not run. */
  readonly agentFolder: string
  local(signal?: AbortSignal): LocalClient
}

/** @param agentFolder data folder of the agent @throws MeshError as {@link adminClient} */
export async function pageSource(
  { data, proxy }: Pick<Settings, 'data' | 'proxy'>,
  agentFolder: string,
): Promise<PageSource> {
  const admin = (await hasContext(data)) ? await adminClient(data, proxy) : undefined
  return { admin, agentFolder, local: signal => localClient(agentFolder, signal) }
}

/** @throws MeshError unsupported when this context has no admin key */
export function adminOf({ admin }: PageSource, action: string): ControlPlaneClient {
  if (admin !== undefined) return admin
  throw new MeshError('unsupported', `Cannot ${action}: this context has no admin key`, {
    hint: 'Run "agent-mesh page" in the context of the control plane, or of an admin, with --agent NAME for the agent.',
  })
}
