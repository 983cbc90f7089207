/** Control groups for the containers of one node, in each hierarchy that this machine has. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

const mounted = '/sys/fs/cgroup'

/** The one of version 2, or those of version 1 that a kubelet uses. */
const hierarchies = (): string[] =>
  existsSync(join(mounted, 'cgroup.controllers'))
    ? [mounted]
    : ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'devices', 'freezer', 'blkio', 'hugetlb', 'systemd']
        .map(each => join(mounted, each))
        .filter(each => existsSync(each))

/** Of version 1, which a kubelet takes only where its settings allow it. */
export const isFirstVersion = (): boolean => !existsSync(join(mounted, 'cgroup.controllers'))

export async function makeControlGroups(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) await mkdir(join(hierarchy, name), { recursive: true })
}

/** With those in it. None may have a process. */
export async function removeControlGroups(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) await removeBelow(join(hierarchy, name))
}

async function removeBelow(folder: string): Promise<void> {
  for (const each of await readdir(folder, { withFileTypes: true }).catch(() => []))
    if (each.isDirectory()) await removeBelow(join(folder, each.name))
  await rmdir(folder).catch(() => undefined)
}
