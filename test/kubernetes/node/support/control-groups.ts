/** Control groups for the containers of one node, in each hierarchy that this machine has. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'

const mounted = '/sys/fs/cgroup'

/** Of version 1, which a kubelet takes only where its settings allow it. */
export const isFirstVersion = (): boolean => !existsSync(join(mounted, 'cgroup.controllers'))

/** The one of version 2, or all beside each other: runc makes a group in each. */
async function hierarchies(): Promise<string[]> {
  if (!isFirstVersion()) return [mounted]
  const found = await readdir(mounted, { withFileTypes: true })
  return found.filter(each => each.isDirectory()).map(each => join(mounted, each.name))
}

export async function makeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, name), { recursive: true })
}

/** With those in it. @throws Error with the group that keeps a process */
export async function removeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies())
    // The kernel counts a process that was killed for a moment.
    await vi.waitFor(() => removeBelow(join(hierarchy, name)), { timeout: 30_000, interval: 100 })
}

/** Leaves one that has groups or processes of others. */
export async function removeIfEmpty(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await rmdir(join(hierarchy, name)).catch(() => undefined)
}

async function removeBelow(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  for (const each of await readdir(folder, { withFileTypes: true }))
    if (each.isDirectory()) await removeBelow(join(folder, each.name))
  await rmdir(folder)
}
