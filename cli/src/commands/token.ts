import { unlimitedUses, type CreateTokenRequest, type TokenView } from '@agent-mesh/protocol/api/tokens'
import { Option, type Command } from 'commander'

import { collect, parseCount, parseDuration } from '../arguments.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { allTokens, tokenState } from '../data/tokens.ts'
import { groupOf, onCall, type Finish } from './define.ts'
import { registerShowToken } from './token-show.ts'

interface CreateOptions {
  uses?: number
  expires: number
  role?: string[]
  tag?: string[]
  region?: string
  name?: string
  ephemeral?: boolean
  note?: string
  replace?: boolean
}

export const registerToken = groupOf({
  name: 'token',
  description: 'create, show and revoke join tokens',
  help: '\nThese ask the control plane with the admin key of the context.',
  commands: [registerCreate, registerList, registerShowToken, registerRevoke],
})

function registerCreate(token: Command, finish: Finish): void {
  const command = token
    .command('create')
    .description('create a join token (shown once)')
    .option(
      '--uses <n>',
      'how many members may join with it (default: 1, with --ephemeral no limit)',
      parseCount,
    )
    .addOption(
      new Option('--expires <time>', 'how long it is good for: 30m, 24h, 7d')
        .argParser(parseDuration)
        .default(24 * 3_600_000, '24h'),
    )
    .option(
      '--role <role>',
      'role of whoever joins: agent (default), relay, admin or your own, which an agent has besides agent; may be repeated',
      collect,
    )
    .option('--tag <tag>', 'tag of whoever joins; may be repeated', collect)
    .option('--region <region>', 'region of whoever joins')
    .option('--name <name>', 'name of the one who joins; only with --uses 1')
    .option('--ephemeral', 'forget the member after 10 minutes offline, not 30 days')
    .option('--replace', 'take the name from its holder: that membership ends when the token is redeemed')
    .option('--note <text>', 'what the token is for; one line')
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh token create
  $ agent-mesh token create --uses 20 --expires 7d --tag web
  $ agent-mesh token create --ephemeral --expires 30d --tag ci
  $ agent-mesh token create --role relay --name relay-1
  $ agent-mesh token create --role agent --role ops
  $ agent-mesh token create --name edge-1 --replace --note 'new disk'
  $ agent-mesh up --join "$(agent-mesh token create)"`,
    )
  onCall<CreateOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const reply = await askControlPlane(settings, client => client.createToken(tokenRequest(options), signal))
    output.result(reply, () => reply.token)
  })
}

function tokenRequest({
  uses,
  expires,
  role,
  tag,
  region,
  name,
  ephemeral,
  note,
  replace,
}: CreateOptions): CreateTokenRequest {
  return {
    ...(uses !== undefined && { uses }),
    expiresIn: Math.max(1, Math.round(expires / 1_000)),
    ...(role !== undefined && { roles: role }),
    ...(tag !== undefined && { tags: tag }),
    ...(region !== undefined && { region }),
    ...(name !== undefined && { name }),
    ...(ephemeral !== undefined && { ephemeral }),
    ...(note !== undefined && { note }),
    ...(replace !== undefined && { replace }),
  }
}

function registerList(token: Command, finish: Finish): void {
  const command = token
    .command('list')
    .description('list join tokens, without their secrets')
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh token list\n  $ agent-mesh token list --json | jq .tokens',
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const tokens = await askControlPlane(settings, client => allTokens(client, signal))
    output.result({ tokens }, () =>
      output.table(
        ['ID', 'LEFT', 'STATE', 'ROLES', 'TAGS', 'NAME', 'JOINED', 'NOTE'],
        tokens.map(view => [
          view.id,
          view.uses === unlimitedUses ? 'unlimited' : `${view.left}/${view.uses}`,
          tokenState(view),
          view.roles.join(' '),
          view.tags.join(' ') || '-',
          nameOf(view),
          String(view.uses - view.left),
          view.note ?? '-',
        ]),
      ),
    )
  })
}

const nameOf = ({ name, replace }: TokenView): string =>
  name === undefined ? '-' : replace === true ? `${name} (replaces)` : name

function registerRevoke(token: Command, finish: Finish): void {
  const command = token
    .command('revoke')
    .description('revoke a join token; its members stay')
    .argument('<id>', 'from agent-mesh token list')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh token revoke I1EPabf-ADDXQ34b')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, id) => {
    await askControlPlane(settings, client => client.revokeToken(id, signal))
    output.result({ id, revoked: true }, () => `Token ${id} is revoked.`)
  })
}
