import type { TokenView } from '@agent-mesh/protocol/api/tokens'
import type { Membership } from '@agent-mesh/protocol/api/memberships'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Command } from 'commander'

import { allMemberships, stateOf } from '../data/memberships.ts'
import { parseTokenId } from '../name-arguments.ts'
import { allTokens, tokenForPrograms, tokenState, usesLeft } from '../data/tokens.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { onCall, type Finish } from './define.ts'

export function registerShowToken(token: Command, finish: Finish): void {
  const command = token
    .command('show')
    .description('show a join token and who joined with it')
    .argument('<id>', 'id of the token: see agent-mesh token list', parseTokenId)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh token show Yx2cP0aQ9bVdE1fG')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, id) => {
    const { view, members } = await askControlPlane(settings, async client => {
      const found = (await allTokens(client, signal)).find(each => each.id === id)
      if (found === undefined)
        throw new MeshError('not_found', `Cannot show token ${id}: there is no such token`, {
          hint: 'List the tokens with "agent-mesh token list".',
        })
      return { view: found, members: await allMemberships(client, { token: id }, signal) }
    })
    output.result({ ...tokenForPrograms(view), members }, () => [
      output.table(['', ''], factsOf(view)),
      '',
      members.length === 0 ? 'No current member joined with it.' : output.table(...joined(members)),
    ])
  })
}

const factsOf = (view: TokenView): [string, string][] => [
  ['id', view.id],
  ['state', tokenState(view)],
  ['uses left', usesLeft(view, ' of ')],
  ['roles', view.roles.join(' ')],
  ['tags', view.tags.join(' ') || '-'],
  ['region', view.region ?? '-'],
  ['name', view.name ?? '-'],
  ['replaces', view.replace === true ? (view.replaced ?? 'no member yet') : '-'],
  ['note', view.note ?? '-'],
  ['expires', new Date(view.expiresAt).toISOString()],
]

const joined = (members: readonly Membership[]): [string[], string[][]] => [
  ['MEMBER', 'STATE', 'JOINED', 'PEER ID'],
  members.map(member => [
    member.name,
    stateOf(member),
    new Date(member.joinedAt).toISOString(),
    member.peerId,
  ]),
]
