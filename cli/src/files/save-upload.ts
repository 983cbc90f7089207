/** Saves what a member offers to put below an allowed folder. */
import { rm, statfs } from 'node:fs/promises'

import type { Agent, TransferOffer } from '@agent-mesh/agent'
import { isDiskFull } from '@agent-mesh/agent/identity/private-file'
import { partOf } from '@agent-mesh/agent/rpc/transfers/part-file'
import { MeshError } from '@agent-mesh/protocol/errors'

import { setMode } from './file-mode.ts'
import type { OpenFolder } from './open-folder.ts'

export interface Upload {
  readonly offer: TransferOffer
  readonly bytes: number
  readonly executable: boolean
}

/**
 * @returns its size in bytes
 * @throws MeshError conflict where something other than a file is; unavailable for a full disk; as {@link Transfer.saveTo}
 */
export async function saveUpload(
  {
    agent,
    folder,
    name,
    signal,
  }: { agent: Pick<Agent, 'receive'>; folder: OpenFolder; name: string; signal: AbortSignal },
  { offer, bytes, executable }: Upload,
): Promise<number> {
  const there = await folder.statOf(name).catch(() => undefined)
  if (there !== undefined && !there.isFile())
    throw new MeshError('conflict', 'it is a folder, a link or a device')
  await mustHaveRoom(folder, name, bytes)
  try {
    const saved = await agent.receive(offer, { signal }).saveTo(folder.pathOf(name))
    await setMode(folder.pathOf(name), executable, there?.mode)
    return saved
  } catch (error) {
    // What is there of it would keep the disk full.
    if (isDiskFull(error)) await rm(partOf(folder.pathOf(name)), { force: true })
    throw error
  }
}

/** Before it fills the disk. @throws MeshError unavailable */
async function mustHaveRoom(folder: OpenFolder, name: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder.path)
  const part = await folder.statOf(partOf(name)).catch(() => undefined)
  const free = bavail * bsize
  if (bytes <= free + (part?.size ?? 0)) return
  throw new MeshError('unavailable', `disk full: it has ${bytes} bytes, and ${free} are free`, {
    hint: 'Free space on that disk, or put it elsewhere.',
    details: { system: 'ENOSPC' },
  })
}
