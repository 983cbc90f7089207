import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { checkout, packaged } from '../packaged.ts'

/** Builds the command that relays run. @returns its folder */
export function buildRelayPackage(outdir: string = join(checkout, 'infra', 'dist', 'relay')): string {
  execFileSync(process.execPath, ['cli/build/build.ts', 'command', outdir], {
    cwd: checkout,
    stdio: ['ignore', 2, 2],
  })
  return outdir
}

let made: string | undefined

/** The command that a relay runs unless it is given another: that of the package, or of the checkout, built once. */
export const usualRelayPackage = (): string => (made ??= packaged('relay') ?? buildRelayPackage())
