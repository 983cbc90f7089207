import { homedir } from 'node:os'
import { join } from 'node:path'

import { environment } from '../settings.ts'

/** A folder of this user: what a variable of XDG says, else one in the home folder. */
export function userFolder(variable: 'XDG_CONFIG_HOME', otherwise: string): string {
  const given = environment()[variable] ?? ''
  return given.startsWith('/') ? given : join(homedir(), otherwise)
}
