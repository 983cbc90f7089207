import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Compiles the source of `rooms` into `<room>/dist`, or the folders that `outOf` names. One program for all of them: they import each other by
 * package name, and those names lead to sources here and to `dist` once published.
 */
export async function compileRooms(
  root: string,
  rooms: readonly string[],
  outOf = (room: string) => join(root, room, 'dist'),
): Promise<void> {
  // Below the checkout, so that packages resolve as they do for the sources.
  const work = await mkdtemp(join(root, 'node_modules', '.cache-build-'))
  try {
    const project = join(work, 'tsconfig.json')
    await writeFile(project, JSON.stringify(tsconfig(root, rooms, work)))
    await run('tsc', ['-p', project], { cwd: root }).catch((error: { stdout?: string }) => {
      throw new Error(`Cannot compile the rooms: ${error.stdout ?? String(error)}`, { cause: error })
    })
    for (const room of rooms) {
      const dist = outOf(room)
      await rm(dist, { recursive: true, force: true })
      await cp(join(work, 'out', room, 'src'), dist, { recursive: true })
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const tsconfig = (root: string, rooms: readonly string[], work: string) => ({
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    rootDir: root,
    outDir: join(work, 'out'),
    noEmit: false,
    incremental: false,
    tsBuildInfoFile: null,
    declaration: true,
    sourceMap: false,
    typeRoots: [join(root, 'node_modules/@types')],
  },
  include: rooms.map(room => join(root, room, 'src')),
  exclude: [join(root, '**/*.test.ts')],
})
