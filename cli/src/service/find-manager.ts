import { MeshError } from '@agent-mesh/protocol/errors'

import type { ManagerName, ServiceManager } from './service-manager.ts'

const byPlatform: Partial<Record<NodeJS.Platform, ManagerName>> = {
  linux: 'systemd',
  darwin: 'launchd',
  win32: 'windows',
}

/** That of this system, unless another is named. @throws MeshError unsupported */
export async function managerOf(name: ManagerName | undefined): Promise<ServiceManager> {
  const wanted = name ?? byPlatform[process.platform]
  if (wanted === 'systemd') return (await import('./systemd.ts')).systemd
  if (wanted === 'launchd') return (await import('./launchd.ts')).launchd
  if (wanted === 'windows') return (await import('./windows-task.ts')).windowsTask
  throw new MeshError('unsupported', `Cannot manage services: not known on ${process.platform}`, {
    hint: 'Run "agent-mesh up" under the supervisor of this system.',
  })
}
