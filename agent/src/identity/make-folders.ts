import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it. The `recursive` of Node 24 never returns where the system makes no folder in one that exists,
 * as below /proc. @param mode of those that are new @returns the first that is new; undefined: it was there @throws what the system says
 */
export async function makeFolders(path: string, mode?: number): Promise<string | undefined> {
  try {
    return (await madeHere(path, mode)) ? path : undefined
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error
  }
  const above = await makeFolders(dirname(path), mode)
  return (await madeHere(path, mode)) ? (above ?? path) : above
}

async function madeHere(path: string, mode: number | undefined): Promise<boolean> {
  try {
    await mkdir(path, { mode })
    return true
  } catch (error) {
    if (isMissing(error) || !(await isFolder(path))) throw error
    return false
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
