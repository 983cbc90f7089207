import { MeshError } from '@agent-mesh/protocol/errors'
import { join } from 'node:path'

import { contextsFolder, type Settings } from '../settings.ts'
import { confirmed } from '../show/confirm.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import type { KnownContext } from '../contexts/contexts.ts'
import { registerExport, registerImport } from './context-transfer.ts'
import { groupOf, onCall, type Register } from './define.ts'

const registerList: Register = (context, finish) => {
  const command = context
    .command('list')
    .description('list the contexts of this user')
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh context list\n  $ agent-mesh context list --json | jq .contexts',
    )
  onCall(command, finish, async ({ settings, output }) => {
    const { holdsText, listContexts } = await import('../contexts/contexts.ts')
    const contexts = await listContexts(contextsFolder())
    const current = (name: string) => name === settings.context
    output.result({ contexts: contexts.map(each => ({ ...each, current: current(each.name) })) }, () =>
      output.table(
        ['', 'CONTEXT', 'HOLDS', 'CONTROL PLANE', 'DATA'],
        contexts.map(({ name, url, data, ...each }) => [
          current(name) ? output.style('green', '*') : '',
          name,
          holdsText(each) || '-',
          url ?? '-',
          data,
        ]),
      ),
    )
  })
}

const registerUse: Register = (context, finish) => {
  const command = context
    .command('use')
    .description('choose the context that commands use from now on')
    .argument('<name>', 'context, which need not exist yet')
    .addHelpText(
      'after',
      `
--context, --data, AGENT_MESH_CONTEXT, AGENT_MESH_DATA and the configuration file take precedence.

Examples:
  $ agent-mesh context use staging
  $ agent-mesh context use default`,
    )
  onCall<object, [string]>(command, finish, async ({ output }, name) => {
    const { describeContext, useContext } = await import('../contexts/contexts.ts')
    const folder = contextsFolder()
    await useContext(folder, name)
    const { holds } = await describeContext(name, join(folder, name))
    const empty = holds.length === 0 ? ' It holds nothing yet ("agent-mesh context list").' : ''
    output.result({ context: name }, () => `Commands use context ${name} from now on.${empty}`)
  })
}

/** Words for {@link Settings.chosenBy}. */
const choices: Record<Settings['chosenBy'], string> = {
  option: '--context or --data',
  environment: 'AGENT_MESH_CONTEXT or AGENT_MESH_DATA',
  file: 'configuration file',
  use: 'agent-mesh context use',
  default: 'default',
}

const registerShow: Register = (context, finish) => {
  const command = context
    .command('show')
    .description('show the context that commands use, how it was chosen and what it holds')
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh context show\n  $ agent-mesh context show --json | jq -r .data',
    )
  onCall(command, finish, async ({ settings, output }) => {
    const { describeContext, holdsText } = await import('../contexts/contexts.ts')
    const known = await describeContext(settings.context, settings.data)
    const { chosenBy } = settings
    output.result({ ...known, chosenBy }, () =>
      contextText(known, holdsText(known), choices[chosenBy], output),
    )
  })
}

const contextText = (
  { name, data, url, meshId }: KnownContext,
  holds: string,
  chosenBy: string,
  output: Output,
): Text => [
  output.table(
    ['', ''],
    [
      ['context', `${name} (chosen by: ${chosenBy})`],
      ['data', data],
      ['holds', holds || 'nothing yet'],
      ...(url === undefined ? [] : [['control plane', url]]),
      ...(meshId === undefined ? [] : [['mesh', meshId]]),
    ],
  ),
]

interface RemoveOptions {
  yes?: boolean
  force?: boolean
}

const registerRemove: Register = (context, finish) => {
  const command = context
    .command('remove')
    .description('remove a context with its data folder: keys, credential, audit log')
    .argument('<name>', 'context')
    .option('-y, --yes', 'do not ask first')
    .option('--force', 'also remove the keys of a mesh, which is lost without them')
    .addHelpText(
      'after',
      `
Stop the process of the context first. A member stays in the mesh until an admin removes or revokes it, or until it has been
offline for 30 days: run "agent-mesh leave" before.

Examples:
  $ agent-mesh context remove staging
  $ agent-mesh context remove staging --yes

Exit codes: 0 removed, 4 it holds the keys of a mesh, 7 there is no such context, 8 a process runs in it.`,
    )
  onCall<RemoveOptions, [string]>(command, finish, async ({ options, output, signal }, name) => {
    const { removableContext, removeContext } = await import('../contexts/contexts.ts')
    const { yes = false, force = false } = options
    await removableContext(contextsFolder(), name, force)
    if (!yes && !(await confirmed(`Remove context ${name} and all that its data folder holds?`, signal)))
      throw new MeshError('cancelled', `Cannot remove context ${name}: not confirmed`, {
        hint: 'Answer y, or pass --yes.',
      })
    const removed = await removeContext(contextsFolder(), name, force)
    output.result({ ...removed, removed: true }, () => `Context ${name} is removed (${removed.data}).`)
  })
}

export const registerContext = groupOf({
  name: 'context',
  description: 'list, choose, export, import and remove contexts',
  help: `
A context is one mesh as seen from this machine, in a data folder of its own.`,
  commands: [registerList, registerUse, registerShow, registerRemove, registerExport, registerImport],
})
