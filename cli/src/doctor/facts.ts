/** All facts that doctor collects before it judges; a fact that is not available is the MeshError that says why. */
import { leftMesh } from '@agent-mesh/agent/member/leave-mesh'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'

import { localClient } from '../local/local-client.ts'
import type { ProxySettings } from '../settings.ts'
import { readAdminFacts } from './admin-facts.ts'
import { learnControlPlane, type ControlPlaneFacts } from './control-plane-facts.ts'
import { readFolderFacts, type FolderFacts } from './folder-facts.ts'
import { learn } from './learn.ts'
import { readMemberFacts, type MemberFacts } from './member-facts.ts'

export interface Facts {
  /** Unix milliseconds of this machine. */
  now: number
  /** What printed commands need to mean this context: ` --context x`, or nothing. */
  flags: string
  /**
   * `member`: agent or relay; `control-plane`: it has served a mesh; `admin`: a context that administers a mesh elsewhere;
   * `new`: none of them.
   */
  kind: 'member' | 'control-plane' | 'admin' | 'new'
  /** The mesh that this folder left last, if it is in none now. */
  left?: { meshId: string; at: string }
  folder: FolderFacts
  /** Of the running process. */
  daemon: LocalStatus | MeshError
  /** What is on disk of a member. */
  member?: MemberFacts
  /** Absent when its URL is not known. */
  controlPlane?: ControlPlaneFacts
}

export interface FactsInit {
  /** Data folder. */
  path: string
  flags: string
  proxy: ProxySettings | undefined
  signal: AbortSignal
}

export async function gatherFacts({ path, flags, proxy, signal }: FactsInit): Promise<Facts> {
  const [folder, daemon] = await Promise.all([
    readFolderFacts(path),
    learn('ask the agent', () => localClient(path, signal).status()),
  ])
  const common = { flags, folder, daemon }
  if (folder.files.includes('member.db')) {
    // The control plane first: its state of this member was on this disk before.
    const { controlPlane, identity } = await readMemberFacts(path)
    const told =
      controlPlane instanceof MeshError || controlPlane === undefined
        ? undefined
        : await learnControlPlane({ ...controlPlane, identity, proxy, signal, as: 'member' })
    const member = await readMemberFacts(path)
    return { ...common, now: Date.now(), kind: 'member', member, ...(told && { controlPlane: told }) }
  }
  if (!folder.files.includes('context.json')) {
    const left = await leftMesh(path)
    return { ...common, now: Date.now(), kind: 'new', ...(left && { left }) }
  }
  const admin = await learn('read the context', () => readAdminFacts(path))
  const told =
    admin instanceof MeshError ? undefined : await learnControlPlane({ ...admin, proxy, signal, as: 'admin' })
  const kind = folder.files.includes('root-key.json') ? 'control-plane' : 'admin'
  return { ...common, now: Date.now(), kind, ...(told && { controlPlane: told }) }
}
