import { InvalidArgumentError, Option, type Command } from 'commander'

import { collect, parseLifetime } from '../arguments.ts'
import type { Scope, ScopeAction } from '../gateway/scope.ts'
import { commandDefaults } from '../defaults.ts'
import { NothingRunningError } from '../exit-codes.ts'
import { parseLabel, parseTokenId } from '../name-arguments.ts'
import { duration } from '../show/units.ts'
import { groupOf, onCall, type Finish } from './define.ts'

interface CreateOptions extends Partial<Record<ScopeAction, string[]>> {
  name?: string
  expires: number
}

/** What a token may do: the kinds of its targets, and the example of the help. */
const scopeOptions = {
  call: [
    ['service', 'tool'],
    "what it may call: 'service:metrics.*', 'tool:notes.*' of an MCP server; may be repeated",
  ],
  connect: [['port'], "ports of members that it may connect to: port:ssh, 'port:*'; may be repeated"],
  publish: [['topic'], "topics that it may publish to: topic:alerts.disk, 'topic:alerts.*'; may be repeated"],
  subscribe: [['topic'], "topics that it may subscribe to: 'topic:alerts.*'; may be repeated"],
  serve: [['service'], "methods that it may serve: 'service:math.*'; may be repeated"],
} as const satisfies Record<ScopeAction, readonly [kinds: readonly string[], about: string]>
const acts = Object.keys(scopeOptions) as ScopeAction[]

const registerToken = groupOf({
  name: 'token',
  description: 'create, list and revoke tokens of programs',
  commands: [registerCreate, registerList, registerRevoke],
})

export const registerGateway = groupOf({
  name: 'gateway',
  description: 'tokens of the programs of this machine that use its agent over HTTP and gRPC',
  help: '\nThe gateway runs in the agent: agent-mesh up --gateway. See docs/gateway.md and docs/grpc.md.',
  commands: [registerToken, registerProto],
})

function registerProto(gateway: Command, finish: Finish): void {
  const command = gateway
    .command('proto')
    .description('print the file of which clients of gRPC and Connect are made')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh gateway proto > mesh.proto')
  onCall(command, finish, async ({ output }) => {
    const { protoFile } = await import('../gateway/rpc/proto-file.ts')
    const proto = await protoFile()
    output.result({ proto }, () => proto.trimEnd().split('\n'))
  })
}

const tokensOf = async (folder: string) => {
  const { GatewayTokens } = await import('../gateway/gateway-tokens.ts')
  return new GatewayTokens(folder)
}

function registerCreate(token: Command, finish: Finish): void {
  const command = token
    .command('create')
    .description('create a token for a program (shown once)')
    .option(
      '--name <name>',
      'name of the program, for the audit log; not browser or page, which are the owner (default: the id of the token)',
      parseLabel,
    )
    .addOption(
      new Option('--expires <time>', 'lifetime of the token: 30m, 24h, 90d; at most 365d')
        .argParser(parseLifetime)
        .default(commandDefaults.gatewayTokenMs, '90d'),
    )
    .addHelpText(
      'after',
      `
The token narrows what the policy lets this agent do, and never widens it.

Examples:
  $ agent-mesh gateway token create --name grafana --call 'service:metrics.*' --expires 90d
  $ agent-mesh gateway token create --call service:math.add --expires 24h
  $ agent-mesh gateway token create --name ssh --connect port:ssh
  $ agent-mesh gateway token create --name assistant --call 'tool:notes.*'`,
    )
  for (const act of acts) {
    const [kinds, about] = scopeOptions[act]
    command.addOption(new Option(`--${act} <target>`, about).argParser(collectTarget(kinds)))
  }
  onCall<CreateOptions, []>(command, finish, async ({ settings, options, output }) => {
    const { checkScopeTargets } = await import('../gateway/scope.ts')
    const scope = checkScopeTargets(options)
    await checkAgent(settings.data)
    const tokens = await tokensOf(settings.data)
    const { name: app, expires: lifetimeMs } = options
    const { text, token } = await tokens.create({ app, scope, lifetimeMs })
    output.result({ token: text, view: token }, () => text)
  })
}

/** @throws NothingRunningError for a folder that no agent has used: its token would never work */
async function checkAgent(folder: string): Promise<void> {
  const { describeContext, holdsText } = await import('../contexts/contexts.ts')
  const context = await describeContext('', folder)
  if (context.holds.includes('member') && context.member !== 'relay') return
  const held = holdsText(context)
  throw new NothingRunningError(
    folder,
    undefined,
    `Cannot create a token: no agent has run in ${folder}${held === '' ? '' : `, which is of: ${held}`}`,
    'Name the context of the agent with --context NAME or --data DIR, or start it first: agent-mesh up --gateway.',
  )
}

/** Its form is checked later, where a schema library may be loaded. */
const collectTarget =
  (kinds: readonly string[]) =>
  (text: string, before: readonly string[] | undefined): string[] => {
    const isOfKind = kinds.some(kind => text.startsWith(`${kind}:`))
    if (isOfKind && /^\S{1,140}$/.test(text)) return collect(text, before)
    const examples = kinds.map(kind => `'${kind}:*'`).join(' or ')
    throw new InvalidArgumentError(`It is not a target of the policy, like ${examples}.`)
  }

function registerList(token: Command, finish: Finish): void {
  const command = token
    .command('list')
    .description('list the tokens of programs, without their secrets')
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh gateway token list\n  $ agent-mesh gateway token list --json | jq .tokens',
    )
  onCall(command, finish, async ({ settings, output }) => {
    const tokens = await (await tokensOf(settings.data)).list()
    output.result({ tokens }, () =>
      output.table(
        ['ID', 'NAME', 'STATE', 'MAY'],
        tokens.map(({ id, app, expiresAt, scope }) => [id, app, stateOf(expiresAt), scopeText(scope)]),
      ),
    )
  })
}

const scopeText = (scope: Scope): string =>
  Object.entries(scope)
    .flatMap(([act, targets = []]) => (targets.length === 0 ? [] : `${act} ${targets.join(' ')}`))
    .join(', ')

function stateOf(expiresAt: number): string {
  const left = expiresAt - Date.now()
  return left <= 0 ? 'expired' : `expires in ${duration(left)}`
}

function registerRevoke(token: Command, finish: Finish): void {
  const command = token
    .command('revoke')
    .description('revoke a token: it is refused from the next request on')
    .argument('<id>', 'id of the token: see agent-mesh gateway token list', parseTokenId)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh gateway token revoke I1EPabf-ADDXQ34b')
  onCall<object, [string]>(command, finish, async ({ settings, output }, id) => {
    await (await tokensOf(settings.data)).revoke(id)
    output.result({ id, revoked: true }, () => `Token ${id} is revoked.`)
  })
}
