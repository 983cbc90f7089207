/**
 * A note in the data folder that its store was just restored: the next start gives the head numbers that members accept,
 * as `--restored` does, without an action of the operator.
 */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../../../files/whole-file.ts'

const noteFile = 'restore-pending.json'

/** @throws MeshError unavailable when the disk is full, permission_denied */
export const notePendingRestore = (data: string, backup: { meshId: string; at: number }): Promise<void> => {
  const { meshId, at } = backup
  return writeWhole(join(data, noteFile), `${JSON.stringify({ meshId, at })}\n`)
}

export const restoreIsPending = (data: string): Promise<boolean> =>
  stat(join(data, noteFile)).then(
    () => true,
    () => false,
  )

/** Removes the note once the head has those numbers. Idempotent. */
export const clearPendingRestore = (data: string): Promise<void> => rm(join(data, noteFile), { force: true })
