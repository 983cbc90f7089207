import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Windows keeps a file of a process that has ended open for a moment. */
export const removal = { recursive: true, force: true, maxRetries: 10 } as const

const prefix = 'agent-mesh-demo-'

/** A temporary folder that names its process, so that a later demo can remove what a killed one left. */
export async function makeDemoFolder(): Promise<string> {
  await removeAbandoned()
  return await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^agent-mesh-demo-(\d+)-\w+$/.exec(name) ?? []
    const path = join(tmpdir(), name)
    // What cannot be removed, such as a file that a scanner of viruses holds open, keeps no new demo from starting.
    if (pid !== undefined && !isAlive(Number(pid)) && (await isOwn(path)))
      await rm(path, removal).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs and belongs to another user.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** All users share the temporary folder, but on Windows, which has no user ids: a link, or a folder of another user, is left alone. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) return false
  return process.getuid === undefined || found.uid === process.getuid()
}
