/** What runs programs of other platforms on Linux x64. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { openWine, wineFiles, winePackages } from './wine.ts'

const run = promisify(execFile)
/** A program is killed after this, ms. */
const timeout = 240_000
/** Two programs one after the other, and the end of a server, take less than this, ms. */
export const longestMs = 600_000

export interface Emulator {
  /** Of the single file. */
  platform: string
  name: string
  /** The packages of Debian that have what it needs, and files of theirs. */
  packages: string
  needs: readonly string[]
  /** Runs a program to its end. @returns what it printed */
  output: (program: string, args: readonly string[], folder: string) => Promise<string>
}

export const emulators: readonly Emulator[] = [
  {
    platform: 'linux-arm64',
    name: 'QEMU',
    packages: 'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross',
    needs: ['/usr/bin/qemu-aarch64-static', '/usr/aarch64-linux-gnu/lib/libstdc++.so.6'],
    output: async (program, args, folder) => {
      const env = { XDG_CACHE_HOME: join(folder, 'cache'), HOME: folder }
      const { stdout } = await run(
        '/usr/bin/qemu-aarch64-static',
        ['-L', '/usr/aarch64-linux-gnu', program, ...args],
        { env, timeout },
      )
      return stdout.trim()
    },
  },
  {
    platform: 'win-x64',
    name: 'Wine',
    packages: winePackages,
    needs: wineFiles,
    output: async (program, args, folder) => {
      const wine = await openWine(folder)
      try {
        return await wine.run(program, args)
      } finally {
        await wine.end()
      }
    },
  },
]
