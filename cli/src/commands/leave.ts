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
    .option('--force', 'forget the membership here though the control plane does not answer')
    .addHelpText(
      'after',
      `
Stop the agent or relay of the context first. The control plane removes its record and frees its name; credential and map
are removed from the data folder, the key stays. To have the key refused permanently, revoke it: agent-mesh revoke.

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
        throw new MeshError('cancelled', 'Cannot leave: it was not confirmed', {
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
          : `This machine forgot mesh ${left.meshId}; the control plane ended no membership.`,
        ...(left.ended ? [] : ['If it is still listed, an admin removes it: agent-mesh members remove NAME']),
        `To join again: agent-mesh${settings.flags} up --join TOKEN. To remove its key, too: delete ${data}.`,
      ])
    } finally {
      await folder.release(!done)
    }
  })
}
