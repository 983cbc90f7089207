import { MeshError } from '@agent-mesh/protocol/errors'

import { commandDefaults } from '../../defaults.ts'
import { fail, ok, warn, type Check } from '../finding.ts'

const mib = 1024 * 1024

export const dataFolder: Check = {
  name: 'data folder',
  look: ({ folder, flags }) => {
    const { path, exists, mine, mode, looseKeys } = folder
    if (!exists)
      return fail(
        `there is no ${path}`,
        `Join a mesh first: agent-mesh${flags} up --join TOKEN. Another mesh or folder: --context NAME, --data DIR.`,
      )
    if (!mine)
      return fail(
        `${path} belongs to another user`,
        'Ask as the user who runs the agent, or give the folder to this one.',
      )
    const [loose] = looseKeys
    if (loose !== undefined)
      return fail(
        `others may read the key ${path}/${loose}`,
        `If nobody else had access: chmod 600 ${path}/${loose}. Else have the member revoked, and join anew in another folder.`,
      )
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return warn(`others may look into ${path} (mode ${mode.toString(8)})`, `chmod 700 ${path}`)
    return ok(`${path}, for its owner alone`)
  },
}

export const disk: Check = {
  name: 'disk',
  look: ({ folder: { exists, space } }) => {
    if (!exists) return undefined
    if (space instanceof MeshError) return warn(space.message, 'Look at the file system of the data folder.')
    const free = `${Math.floor(space.freeBytes / mib)} MiB free`
    const advice = 'Make room: new credentials, records and revocations can only be kept where there is some.'
    if (space.freeBytes < commandDefaults.diskFullMiB * mib || space.freeFiles < 1)
      return fail(`full: ${free}, room for ${space.freeFiles} files`, advice)
    return space.freeBytes < commandDefaults.diskLowMiB * mib
      ? warn(`nearly full: ${free}`, advice)
      : ok(free)
  },
}
