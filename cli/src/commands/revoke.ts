import type { RevokeRequest } from '@agent-mesh/protocol/api/revocations'

import { parseMember } from '../name-arguments.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { confirmMember } from './confirm-member.ts'
import { onCall, type Register } from './define.ts'

interface RevokeOptions {
  yes?: boolean
}

export const registerRevoke: Register = (program, finish) => {
  const command = program
    .command('revoke')
    .description('revoke a member permanently')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .option('-y, --yes', 'do not ask first')
    .addHelpText(
      'after',
      `
Members disconnect it within seconds. Its key cannot join again, with any token. The machine may join with a new key: an
empty data folder and a new token.

Examples:
  $ agent-mesh revoke web-1
  $ agent-mesh revoke web-1 --yes
  $ agent-mesh revocations`,
    )
  onCall<RevokeOptions, [string]>(command, finish, async ({ settings, options, output, signal }, who) => {
    if (options.yes !== true)
      await confirmMember(settings, who, { action: 'revoke', question: 'Revoke it permanently?', signal })
    const reply = await askControlPlane(settings, client => client.revoke(requestOf(who), signal))
    output.result(
      reply,
      () => `${reply.name} (${reply.peerId}) is revoked (revocation list ${reply.number}).`,
    )
  })
}

/** A serial has 22 characters and may look like a name: names are lower case, serials almost never. */
function requestOf(who: string): RevokeRequest {
  if (who.startsWith('12D3KooW')) return { peerId: who }
  return /^[A-Za-z0-9_-]{22}$/.test(who) && /[A-Z_]/.test(who) ? { serial: who } : { name: who }
}

export const registerRevocations: Register = (program, finish) => {
  const command = program
    .command('revocations')
    .description('list revoked members')
    .addHelpText(
      'after',
      '\nAn entry leaves the list after 22 days; the key stays revoked.\n\nExamples:\n  $ agent-mesh revocations',
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { number, revoked = [] } = await askControlPlane(settings, client => client.revocations(signal))
    const when = (at: number | undefined) => (at === undefined ? '-' : new Date(at).toISOString())
    const rows = revoked.map(({ peerId, at }) => [peerId, when(at)])
    output.result({ number, revoked }, () =>
      rows.length === 0
        ? `No member is revoked (revocation list ${number}).`
        : [output.table(['PEER ID', 'REVOKED'], rows), `revocation list ${number}`],
    )
  })
}
