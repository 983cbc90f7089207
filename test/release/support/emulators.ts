/** What runs programs of other platforms on Linux x64. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A program is killed after this, ms. */
const timeout = 240_000
/** Two programs one after the other, and the end of a server, take less than this, ms. */
export const longestMs = 600_000

/** A server of Wine ends within this, ms. */
const serverMs = 30_000

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
    packages: 'wine wine64',
    needs: ['/usr/bin/wine', '/usr/lib/wine/wine64'],
    output: async (program, args, folder) => {
      const env = { ...process.env, WINEPREFIX: join(folder, 'wine'), WINEDEBUG: '-all', HOME: folder }
      // Node asks for Windows 10.
      const version = ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f']
      try {
        await run('wine', version, { env, timeout })
        // Node in Wine cannot use pipes of this system.
        const printed = join(folder, 'printed')
        await run('sh', ['-c', 'exec wine "$@" </dev/null >"$0" 2>&1', printed, program, ...args], {
          env,
          timeout,
        })
        return (await readFile(printed, 'utf8')).trim()
      } finally {
        await endServer(env)
      }
    },
  },
]

/** Otherwise it writes into the folder for seconds after the last program. */
async function endServer(env: NodeJS.ProcessEnv): Promise<void> {
  // It fails where none runs.
  await run('wineserver', ['-k'], { env, timeout: serverMs }).catch(() => undefined)
  await run('wineserver', ['-w'], { env, timeout: serverMs })
}
