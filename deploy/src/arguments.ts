/** The command line of `deploy.sh`. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { parseArgs } from 'node:util'

import { isDigest } from './digest.ts'
import { targets, type Entry } from './history.ts'

export const usage = `usage: deploy.sh ${targets.join('|')} [--env ENV] [--version VERSION] [--migrate] [--healthy S] [--wait S] [--dry-run]
       deploy.sh rollback [--env ENV] [--to NUMBER] [--migrate] [--healthy S] [--wait S] [--dry-run]
       deploy.sh status [--env ENV] [--json]
       deploy.sh history [--env ENV] [--json]

--env ENV        name of the environment: the Compose project, the release of Helm (default: compose, hosts, mesh;
                 for the other actions: the only one that was deployed)
--version V      what to deploy: the tag of the images, the digest sha256:HEX of one image for all roles (docker,
                 kubernetes), the version of the program (default: latest)
--migrate        accept a schema of the database from which only a backup leads back
--to NUMBER      the deployment to roll back to (default: what ran before the last one)
--healthy S      seconds that a process has until it is healthy (default: 120)
--wait S         seconds to wait while another deployment of the environment runs (default: refuse at once)
--dry-run        say what would be done
--json           JSON, one value a line

Exit codes: 0 done, 1 rolled back, 2 the rollback failed, 3 refused: nothing was changed.
docs/deploy.md says what each step does.`

const actions = [...targets, 'rollback', 'status', 'history'] as const

export interface Arguments {
  action: (typeof actions)[number]
  env: string | undefined
  version: string
  to: number | undefined
  healthyMs: number
  /** For another deployment of the environment. */
  waitMs: number
  dryRun: boolean
  migrate: boolean
  json: boolean
}

/** What each action takes, beside the environment. */
const ofTarget = ['version', 'migrate', 'healthy', 'wait', 'dry-run']
const ofRollback = ['to', 'migrate', 'healthy', 'wait', 'dry-run']
const taken: Record<Arguments['action'], readonly string[]> = {
  docker: ofTarget,
  systemd: ofTarget,
  kubernetes: ofTarget,
  rollback: ofRollback,
  status: ['json'],
  history: ['json'],
}

const options = {
  env: { type: 'string' },
  version: { type: 'string', default: 'latest' },
  to: { type: 'string' },
  healthy: { type: 'string', default: '120' },
  wait: { type: 'string' },
  migrate: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @returns undefined: help is asked for @throws MeshError invalid_argument */
export function parseArguments(args: readonly string[]): Arguments | undefined {
  const { values, positionals, tokens } = parsed(args)
  if (values.help) return undefined
  const action = actions.find(it => it === positionals[0])
  if (action === undefined || positionals.length !== 1)
    throw refused(`the action is ${JSON.stringify(positionals.join(' '))}, not one of ${actions.join(', ')}`)
  for (const token of tokens)
    if (token.kind === 'option' && token.name !== 'env' && !taken[action].includes(token.name))
      throw refused(`${action} takes no --${token.name}`)
  const { env, version, to, healthy, wait, json, migrate } = values
  if (env !== undefined) checkName('--env', env)
  if (!isDigest(version)) checkName('--version', version)
  const number = to === undefined ? undefined : whole('--to', to)
  const healthyMs = 1_000 * whole('--healthy', healthy)
  const waitMs = wait === undefined ? 0 : 1_000 * whole('--wait', wait)
  return { action, env, version, to: number, healthyMs, waitMs, dryRun: values['dry-run'], migrate, json }
}

/** @throws MeshError invalid_argument */
function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** It becomes part of file names and tags. */
function checkName(option: string, name: string): void {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name))
    throw refused(
      `${option} is ${JSON.stringify(name)}: up to 63 letters, digits, ".", "_" and "-"${option === '--version' ? ', or a digest: "sha256:" and 64 of 0-9 and a-f' : ''}`,
    )
}

function whole(option: string, text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < 1 || number > 86_400)
    throw refused(`${option} is ${JSON.stringify(text)}, not a whole number from 1 to 86400`)
  return number
}

const refused = (why: string, cause?: unknown): MeshError =>
  new MeshError('invalid_argument', `Cannot deploy: ${why}`, {
    cause,
    hint: '"deploy.sh --help" has the usage.',
  })

/** Whether an action is a target. */
export const isTarget = (action: Arguments['action']): action is Entry['target'] =>
  (targets as readonly string[]).includes(action)
