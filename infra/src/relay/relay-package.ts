import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..', '..')

/** Builds the command that relays run. @returns its folder */
export function buildRelayPackage(outdir: string = join(root, 'infra', 'dist', 'relay')): string {
  execFileSync(process.execPath, ['cli/build/build.ts', 'command', outdir], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  return outdir
}
