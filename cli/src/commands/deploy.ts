import { printable } from '@agent-mesh/protocol/printable'
import { MeshError } from '@agent-mesh/protocol/errors'
import { Argument, Option, type Command } from 'commander'

import { collect, parseCount, parseDuration } from '../arguments.ts'
import type { Destruction } from '../aws/destroy.ts'
import type { Deployment } from '../aws/deployment-file.ts'
import { commandDefaults } from '../defaults.ts'
import type { Settings } from '../settings.ts'
import { groupOf, onCall, type Finish, type Invocation } from './define.ts'

interface Options {
  stack?: string
  set?: string[]
  unset?: string[]
  relays?: number
  profile?: string
  region?: string
  bootstrap: boolean
  rollback: boolean
  checkTimeout: number
  dryRun?: boolean
  yes?: boolean
}
type Call = Invocation<Options>

export const registerDeploy = groupOf({
  name: 'deploy',
  description: 'deploy a control plane to a cloud, from a checkout',
  commands: [registerAws],
})

const checkTimeout = new Option(
  '--check-timeout <time>',
  'how long each check of a deployment is tried: 10s, 1m',
)
  .argParser(parseDuration)
  .default(commandDefaults.smokeTestMs, '1m')

function registerAws(deploy: Command, finish: Finish): void {
  const command = deploy
    .command('aws')
    .description('deploy a control plane to AWS and test it, show what is deployed, or destroy it')
    .addArgument(
      new Argument('[action]', 'apply, show or destroy')
        .choices(['apply', 'show', 'destroy'])
        .default('apply'),
    )
    .option('--stack <name>', `name of the CloudFormation stack (default: ${commandDefaults.stack})`)
    .option('--set <name=value>', 'setting of docs/deploy-aws.md; may be repeated', collect)
    .option('--unset <name>', 'setting to reset to its default; may be repeated', collect)
    .option('--relays <n>', 'number of relays to run, at least: the setting relays', parseCount)
    .option('--profile <name>', 'profile of your AWS credentials')
    .option('--region <name>', 'AWS region')
    .option('--no-bootstrap', 'the account is prepared for the CDK already')
    .option('--no-rollback', 'leave a deployment that fails its checks as it is, to look at it')
    .addOption(checkTimeout)
    .option('--dry-run', 'show what would change or be destroyed, and change nothing')
    .option('-y, --yes', 'do not ask before destroying')
    .addHelpText(
      'after',
      `
Uses your AWS credentials and region as the AWS SDK finds them (AWS_PROFILE, AWS_REGION) unless options name others. Stack,
settings, profile and region are remembered in deploy.json of the data folder: a second deployment without them changes nothing.
A deployment is checked; one that fails gives way to the last one that passed (exit code 6).
Table and authority key are kept when the rest is destroyed, and the next deployment uses them: the same mesh.

Examples:
  $ agent-mesh deploy aws --dry-run
  $ agent-mesh deploy aws
  $ agent-mesh deploy aws --set domain=mesh.example.com --set hostedZoneId=ZONE
  $ agent-mesh deploy aws show
  $ agent-mesh deploy aws destroy --dry-run
  $ agent-mesh deploy aws destroy`,
    )
  const actions: Record<string, (call: Call) => Promise<void>> = { apply, show, destroy }
  onCall<Options, [string]>(command, finish, async (call, action) => actions[action]?.(call))
}

/** The former deployment of the context, and the new one. */
async function read({ options, settings }: Pick<Call, 'options' | 'settings'>) {
  const { nextDeployment } = await import('../aws/next-deployment.ts')
  const { readDeployment } = await import('../aws/deployment-file.ts')
  const last = await readDeployment(settings.data)
  const { stack, profile, region, set = [], unset = [], relays } = options
  const place = Object.entries({ stack, profile, region }).filter(([, value]) => value !== undefined)
  const changes = { set: relays === undefined ? set : [...set, `relays=${relays}`], unset }
  return {
    last,
    next: nextDeployment(last, { ...Object.fromEntries(place), ...changes }, commandDefaults.stack),
  }
}

async function apply(call: Call): Promise<void> {
  const { settings, options, output, signal } = call
  const aws = await import('../aws/deploy.ts')
  const { last, next } = await read(call)
  if (options.dryRun === true) return aws.showChanges({ next, signal })
  const say = (text: string): void => void process.stderr.write(`${printable(text)}\n`)
  const { bootstrap, rollback, checkTimeout: checkMs } = options
  const checked = { bootstrap, rollback, checkMs }
  const deployed = await aws.deploy({ folder: settings.data, last, next, ...checked, signal, say })
  const { restoredText } = await import('../show/restored.ts')
  output.result(deployed, () => [
    `${output.style('green', 'Deployed.')} The mesh answers at ${deployed.bootstrapUrl}`,
    `mesh            ${deployed.meshId}`,
    `data            ${settings.data} (keep a copy: it holds the root key and the key of the first admin)`,
    'cost            docs/cost.md has the monthly bill by number of agents',
    ...(deployed.restored === undefined ? [] : ['', ...restoredText(deployed.restored, settings.flags)]),
    '',
    'To let one machine join (the token expires in 24 h):',
    `  AGENT_MESH_JOIN=${deployed.token} agent-mesh up`,
  ])
}

async function show({ settings, output }: Call): Promise<void> {
  const { neededDeployment } = await import('../aws/deployment-file.ts')
  const deployment = await neededDeployment(settings.data, 'show what is deployed')
  output.result(deployment, () => shown(deployment, settings))
}

function shown({ stack, region, profile, stacks, data, settings }: Deployment, { data: folder }: Settings) {
  const row = (name: string, value: string): string => `${name.padEnd(15)} ${value}`
  const given = Object.entries(settings)
  return [
    row('stack', stack),
    row('region', region ?? 'of your AWS configuration'),
    row('profile', profile ?? 'of your AWS configuration'),
    row('deployed', stacks.join(', ') || 'nothing'),
    row('table', data?.tableName ?? 'none'),
    row('authority keys', data?.keyArns.join(', ') ?? 'none'),
    row('remembered in', `${folder}/deploy.json`),
    '',
    given.length === 0 ? 'All settings have their defaults.' : 'Settings without their defaults:',
    ...given.map(([name, value]) => `  ${name}=${value}`),
  ]
}

async function destroy(call: Call): Promise<void> {
  const { settings, options, output, signal } = call
  const { neededDeployment } = await import('../aws/deployment-file.ts')
  const aws = await import('../aws/destroy.ts')
  await neededDeployment(settings.data, 'destroy a deployment')
  if (options.set !== undefined || options.unset !== undefined || options.relays !== undefined)
    throw new MeshError('invalid_argument', 'Cannot destroy with other settings than were deployed', {
      hint: 'Without --set, --unset and --relays it destroys what is there.',
    })
  const { next: deployment } = await read(call)
  const plan = await aws.planDestruction(deployment)
  if (options.dryRun === true) return output.result({ stack: deployment.stack, ...plan }, () => planned(plan))
  if (options.yes !== true) await ask(plan, signal)
  await aws.destroy({ folder: settings.data, deployment, signal }, plan)
  output.result({ stack: deployment.stack, destroyed: true, ...plan }, () => [
    `${deployment.stack} is destroyed.`,
    ...kept(plan),
  ])
}

async function ask(plan: Destruction, signal: AbortSignal): Promise<void> {
  const { confirmed } = await import('../show/confirm.ts')
  for (const line of planned(plan)) process.stderr.write(`${printable(line)}\n`)
  if (await confirmed('Destroy it?', signal)) return
  throw new MeshError('cancelled', 'Cannot destroy the deployment: it was not confirmed', {
    hint: 'Answer y, or pass --yes.',
  })
}

const planned = (plan: Destruction): string[] => [
  ...plan.destroys.map(({ stack, resources }) => `destroys ${stack} (${resources} resources)`),
  ...(plan.destroys.length === 0 ? ['destroys nothing: nothing is deployed'] : []),
  ...kept(plan),
]

const kept = ({ keeps: { stacks, tableName, keyArns } }: Destruction): string[] => [
  ...stacks.map(stack => `keeps ${stack}`),
  ...(tableName === undefined ? [] : [`keeps table ${tableName}`]),
  ...(keyArns === undefined ? [] : [`keeps authority key ${keyArns.join(', ')}`]),
  ...(tableName === undefined
    ? ['keeps no table: the mesh ends with it']
    : ['The next "agent-mesh deploy aws" of this context uses them: the same mesh.']),
]
