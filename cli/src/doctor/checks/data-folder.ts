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
        `${path} does not exist`,
        `Join a mesh first: agent-mesh${flags} up --join TOKEN. Another mesh or folder: --context NAME, --data DIR.`,
      )
    if (!mine)
      return fail(
        `${path} belongs to another user`,
        'Run doctor as the user that runs the agent, or change the owner of the folder.',
      )
    const [loose] = looseKeys
    if (loose !== undefined)
      return fail(
        `other users may read the key ${path}/${loose}`,
        `If no other user had access: chmod 600 ${path}/${loose}. Otherwise have the member revoked, and join again with another folder.`,
      )
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return warn(`other users may read ${path} (mode ${mode.toString(8)})`, `chmod 700 ${path}`)
    return ok(`${path}, readable by its owner only`)
  },
}

export const disk: Check = {
  name: 'disk',
  look: ({ folder: { exists, space } }) => {
    if (!exists) return undefined
    if (space instanceof MeshError) return warn(space.message, 'Check the file system of the data folder.')
    const free = `${Math.floor(space.freeBytes / mib)} MiB free`
    const advice =
      'Free some space: the member cannot store new credentials, records and revocations without it.'
    if (space.freeBytes < commandDefaults.diskFullMiB * mib || space.freeFiles < 1)
      return fail(`full: ${free}, ${space.freeFiles} files free`, advice)
    return space.freeBytes < commandDefaults.diskLowMiB * mib
      ? warn(`nearly full: ${free}`, advice)
      : ok(free)
  },
}
