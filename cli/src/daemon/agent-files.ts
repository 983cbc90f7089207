/** Files of this machine: those that its owner allows members to use, loaded when there are some, and those of commands. */
import type { Duplex } from 'node:stream'

import type { Agent } from '@agent-mesh/agent'

import type { AllowedProgram } from '../exec/allowed-program.ts'
import type { AllowedFolder } from '../files/allowed-folders.ts'
import type { RecentLog } from '../files/recent-log.ts'
import { contextsFolder } from '../settings.ts'

export interface MachineFlags {
  /** Folders that members may use, as far as the policy allows. @default none */
  allowFiles?: AllowedFolder[]
  /** Lets members read the log of the agent, as far as the policy allows. @default false */
  allowLogs?: boolean
  /** Programs that members may run, as far as the policy allows. @default none */
  allowExec?: AllowedProgram[]
}

/** @throws MeshError unsupported; conflict for another service of this name */
export async function serveExec(agent: Agent, { allowExec = [] }: MachineFlags): Promise<void> {
  if (allowExec.length === 0) return
  const { servedExec } = await import('../exec/served-exec.ts')
  agent.serve(servedExec({ agent, allowed: allowExec }))
}

/** What keeps the log for them. */
export async function recentLog({ allowLogs }: MachineFlags): Promise<RecentLog | undefined> {
  if (allowLogs !== true) return undefined
  const { RecentLog } = await import('../files/recent-log.ts')
  return new RecentLog()
}

/** @param machine data folder of the agent, and its log where members may read it @throws MeshError unsupported, invalid_argument; conflict for another service of this name */
export async function serveFiles(
  agent: Agent,
  { allowFiles = [] }: MachineFlags,
  { data, log }: { data: string; log: RecentLog | undefined },
): Promise<void> {
  if (allowFiles.length === 0 && log === undefined) return
  const [{ AllowedFolders }, { ServedFiles }] = await Promise.all([
    import('../files/allowed-folders.ts'),
    import('../files/served-files.ts'),
  ])
  const allowed = await AllowedFolders.open(allowFiles, [data, ...foldersOfUser()])
  agent.serve(new ServedFiles({ agent, allowed, log }).definition())
}

/** Where the other contexts of this user have their keys: a control plane, an admin. */
function foldersOfUser(): string[] {
  try {
    return [contextsFolder()]
  } catch {
    // This user has no home.
    return []
  }
}

/** An offer without a reader is withdrawn after this, ms: its command tries again. */
const idleMs = 60_000

/** Offers a file of a command to a member. */
export async function sendPulled(
  agent: Pick<Agent, 'send'>,
  { peer, bytes }: { peer: string; bytes: number },
): Promise<(pipe: Duplex) => void> {
  const { PulledSource } = await import('../files/pulled-source.ts')
  const source = new PulledSource(bytes)
  const offer = await agent.send(peer, source, { idleMs })
  return pipe => source.attach(pipe, offer)
}
