import { MeshError } from '@agent-mesh/protocol/errors'

import { confirmed } from '../show/confirm.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  yes?: boolean
  force?: boolean
}

export const registerLeave: Register = (program, finish) => {
  const command = program
    .command('leave')
    .description('end the membership of this machine')
    .option('-y, --yes', 'do not ask first')
    .option('--force', 'remove the membership from this machine even if the control plane does not answer')
    .addHelpText(
      'after',
      `
Stop the agent or relay of the context first. The control plane removes the record of the member and frees its name. The
credential and the map are removed from the data folder; the key stays. To refuse the key permanently: agent-mesh revoke.

Examples:
  $ agent-mesh leave
  $ agent-mesh --context staging leave --yes`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { ownDataFolder, stopFirst } = await import('../data/data-folder.ts')
    const { leaveMesh } = await import('@agent-mesh/agent')
    const { yes = false, force = false } = options
    const folder = await ownDataFolder(settings.data, 'leave', stopFirst)
    let done = false
    try {
      if (!yes && !(await confirmed('End the membership of this machine?', signal)))
        throw new MeshError('cancelled', 'Cannot leave the mesh: not confirmed', {
          hint: 'Answer y, or pass --yes.',
        })
      const { data, proxy } = settings
      const left = await withProgress(settings, 'Leaving the mesh', () =>
        leaveMesh({ data, proxy, force, signal }),
      )
      done = true
      output.result(left, () => [
        left.ended
          ? `This machine left mesh ${left.meshId}.`
          : `The membership in mesh ${left.meshId} is removed from this machine, but not from the control plane.`,
        ...(left.ended
          ? []
          : ['If the member is still listed, an admin removes it: agent-mesh members remove NAME']),
        `To join again: agent-mesh${settings.flags} up --join TOKEN. To remove the key as well: delete ${data}.`,
      ])
    } finally {
      await folder.release(!done)
    }
  })
}
