import { enrolledIn } from '@agent-mesh/agent/discovery/enrolment'
import { headKeeper } from '@agent-mesh/agent/membership/head-keeper'
import { openMemberStore } from '@agent-mesh/agent/membership/member-store'
import { createLogger } from '@agent-mesh/agent/observe/logger'
import type { RelayEntry } from '@agent-mesh/protocol'
import { access } from 'node:fs/promises'
import { join } from 'node:path'

import { readContext } from './context-file.ts'

/** The mesh of a data folder. */
export interface StoredMesh {
  controlPlane: { url: string; meshId: string }
  /** Of the head on disk. */
  relays: readonly RelayEntry[]
}

/**
 * Reads it beside the process that owns the folder, if one does; a context that only administers knows no relays.
 * @returns undefined for a folder that belongs to no mesh
 */
export async function storedMesh(folder: string): Promise<StoredMesh | undefined> {
  const file = join(folder, 'member.db')
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (!exists) {
    const context = await readContext(folder).catch(() => undefined)
    return context && { controlPlane: { url: context.url, meshId: context.meshId }, relays: [] }
  }
  const store = openMemberStore(file)
  try {
    const controlPlane = enrolledIn(store)
    if (controlPlane === undefined) return undefined
    const head = await headKeeper({
      meshId: controlPlane.meshId,
      store,
      log: createLogger('agent-mesh', 'silent'),
    })
    return { controlPlane, relays: store.get('head') === undefined ? [] : head.current.relays }
  } finally {
    store.close()
  }
}
