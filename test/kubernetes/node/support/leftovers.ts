/** The folder and the control groups of a run. A run that is killed leaves them; the next one removes them. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { containersOf, containerGroups } from './container-runtime.ts'
import { removeControlGroup, removeIfEmpty } from './control-groups.ts'

const prefix = 'node-test-'

/** It has the process in its name. */
export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))

/** The control group of the kubelet of a folder. */
export const groupOf = (folder: string): string => `agent-mesh-${basename(folder)}`

/** Those of the kubelet and of its containers, none of which may run. @throws Error with one that keeps a process */
export async function removeGroups(folder: string): Promise<void> {
  const containers = await containersOf(folder)
  for (const group of [groupOf(folder), ...containers.map(id => join(containerGroups, id))])
    await removeControlGroup(group)
  await removeIfEmpty(containerGroups)
}

/** Of runs whose process has ended. */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, process] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? []
    if (process === undefined || isRunning(Number(process))) continue
    const folder = join(tmpdir(), name)
    await removeGroups(folder)
    await rm(folder, { recursive: true, force: true })
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
