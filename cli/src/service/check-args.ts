/** What a service gives to the command that it runs, checked when it is installed: that command would end at its start. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { Command } from 'commander'
import { isAbsolute } from 'node:path'

import { settingsOf } from '../config/settings-of.ts'
import type { GlobalOptions } from '../settings.ts'
import type { ServiceSpec } from './service-spec.ts'

/** Options of all commands that a service may have; context and data folder are its own. */
const ofAll = ['--config', '--proxy', '--json']

/**
 * @param program all commands; that of `run` is not to be run afterwards
 * @throws MeshError invalid_argument, CommanderError for a value that an option does not take
 */
export function checkArgs(program: Command, run: ServiceSpec['run'], args: readonly string[]): void {
  const command = program.commands.find(each => each.name() === run)
  if (command === undefined) throw new MeshError('internal', `Cannot find the command ${run}`)
  const own = command.parseOptions([...args])
  const ofEach = takesOfAll(program)
  const others = ofEach.parseOptions(own.unknown)
  // Its value may be a join token, as a word may be one: this error would show it.
  const unknown = others.unknown[0]?.split('=', 1)[0]
  if (unknown !== undefined)
    throw refused(
      `${printable(unknown)} is not for "agent-mesh ${run}"`,
      `Its options: agent-mesh ${run} --help.`,
    )
  if (own.operands.length + others.operands.length > 0)
    throw refused(`"agent-mesh ${run}" takes options only`, fileOfToken)
  const join = command.getOptionValue('join') as string | undefined
  if (join !== undefined)
    throw refused(
      join.startsWith('@')
        ? 'it gets its join token from its installation'
        : 'other users could read the join token in its definition',
      fileOfToken,
    )
  const files = settingsOf(command)
    .filter(({ path }) => path === 'file')
    .flatMap(({ key }) => (command.getOptionValue(key) ?? []) as string | string[])
  const { config } = ofEach.opts<GlobalOptions>()
  const relative = [...files, ...(config === undefined ? [] : [config])].find(path => !isAbsolute(path))
  if (relative !== undefined)
    throw refused(
      `it starts in another folder, without ${printable(relative)}`,
      'Name files by their whole path.',
    )
}

const takesOfAll = (program: Command): Command => {
  const command = new Command().exitOverride()
  for (const option of program.options) if (ofAll.includes(option.long ?? '')) command.addOption(option)
  return command
}

const fileOfToken = 'Pass a join token before the "--", from a file: --join @FILE.'

const refused = (why: string, hint: string): MeshError =>
  new MeshError('invalid_argument', `Cannot install the service: ${why}`, { hint })
