import type { CreateTokenRequest, TokenView } from '@agent-mesh/protocol/api/tokens'
import { Option, type Command } from 'commander'

import { countUpTo, parseLifetime } from '../arguments.ts'
import { collectLabels, parseLabel, parseName, parseNote, parseTokenId } from '../name-arguments.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { allTokens, tokenForPrograms, tokenState, usesLeft } from '../data/tokens.ts'
import { showWarning } from '../show/failure.ts'
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
  help: '\nThese commands ask the control plane with the admin key of the context.',
  commands: [registerCreate, registerList, registerShowToken, registerRevoke],
})

function registerCreate(token: Command, finish: Finish): void {
  const command = token
    .command('create')
    .description('create a join token (shown once)')
    .option(
      '--uses <n>',
      'number of members that may join with it (default: 1; with --ephemeral: no limit)',
      countUpTo(100_000),
    )
    .addOption(
      new Option('--expires <time>', 'lifetime of the token: 30m, 24h, 7d; at most 365d')
        .argParser(parseLifetime)
        .default(24 * 3_600_000, '24h'),
    )
    .option(
      '--role <role>',
      'role of the new member: agent (default), relay, admin, or one of your own beside agent; may be repeated',
      collectLabels,
    )
    .option('--tag <tag>', 'tag of the new member; may be repeated', collectLabels)
    .option('--region <region>', 'region of the new member', parseLabel)
    .option('--name <name>', 'name of the new member; only with --uses 1', parseName)
    .option('--ephemeral', 'remove the member after 10 minutes offline, not after 30 days')
    .option('--replace', 'with --name: end the membership that holds the name when the token is redeemed')
    .option('--note <text>', 'purpose of the token; one line', parseNote)
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
  $ agent-mesh --context agent up --join "$(agent-mesh token create)"`,
    )
  onCall<CreateOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { roleWarnings } = await import('../data/role-warnings.ts')
    const { reply, warnings } = await askControlPlane(settings, async client => ({
      warnings: await roleWarnings(client, options.role ?? [], signal),
      reply: await client.createToken(tokenRequest(options), signal),
    }))
    const more = warnings.length > 0 && { warnings }
    output.result({ ...reply, view: tokenForPrograms(reply.view), ...more }, () => reply.token)
    // Not among what "$(agent-mesh token create)" takes.
    if (!output.json) for (const text of warnings) showWarning(text, settings)
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
    expiresIn: Math.round(expires / 1_000),
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
    output.result({ tokens: tokens.map(tokenForPrograms) }, () =>
      output.table(
        ['ID', 'LEFT', 'STATE', 'ROLES', 'TAGS', 'NAME', 'JOINED', 'NOTE'],
        tokens.map(view => [
          view.id,
          usesLeft(view),
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
    .argument('<id>', 'id of the token: see agent-mesh token list', parseTokenId)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh token revoke I1EPabf-ADDXQ34b')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, id) => {
    await askControlPlane(settings, client => client.revokeToken(id, signal))
    output.result({ id, revoked: true }, () => `Token ${id} is revoked.`)
  })
}
