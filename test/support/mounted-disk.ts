/** A disk of a few MiB that this process itself has: only root mounts one, and all processes of the machine see it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @returns its folder, for {@link unmountDisk} */
export function mountDisk(mebibytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'mounted-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
  return folder
}

/** Also while files of it are open. */
export function unmountDisk(folder: string): void {
  execFileSync('umount', ['-l', folder])
  rmSync(folder, { recursive: true })
}

/** Why none can be mounted here; undefined when one can. In CI it fails instead of being skipped. */
export function mountsMissing(): string | undefined {
  try {
    unmountDisk(mountDisk(1))
    return undefined
  } catch (error) {
    const reason = `no disk can be mounted: ${String(error).slice(0, 200)}`
    if (process.env['CI'] === 'true') throw new Error(reason, { cause: error })
    console.warn(`skipped: ${reason}`)
    return reason
  }
}
