import type { Left } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'

import { confirmed } from '../show/confirm.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'

/** The outcome for the membership at the control plane. */
function outcomeText({ meshId, ended, before }: Left): string[] {
  if (ended) return [`This machine left mesh ${meshId}.`]
  if (before !== undefined)
    return [
      `This machine left mesh ${meshId}. The control plane had nothing to end: ${
        before === 'unknown' ? 'it knows no membership of this key' : `the member was ${before} before`
      }.`,
    ]
  return [
    `This machine forgot its membership in mesh ${meshId}. The control plane did not answer and still has the member.`,
    'An admin removes it there: agent-mesh members remove NAME',
  ]
}

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
    const { checkLeave, leaveMesh } = await import('@agent-mesh/agent')
    const { yes = false, force = false } = options
    const folder = await ownDataFolder(settings.data, 'leave', stopFirst)
    let done = false
    try {
      await checkLeave(settings.data)
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
        ...outcomeText(left),
        left.before === 'revoked'
          ? 'Its key is refused permanently: to join again, use an empty data folder (--context NAME or --data DIR).'
          : `To join again: agent-mesh${settings.flags} up --join TOKEN (a relay: relay --join TOKEN).`,
        `To remove the key as well, delete ${data}.`,
      ])
    } finally {
      await folder.release(!done)
    }
  })
}
