/** What a service gives to the command that it runs, checked when it is installed: that command would end at its start. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { Command } from 'commander'
import { isAbsolute } from 'node:path'

import { settingsOf } from '../config/settings-of.ts'
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
  const others = takesOfAll(program).parseOptions(own.unknown)
  const [unknown] = others.unknown
  if (unknown !== undefined)
    throw refused(
      `${printable(unknown)} is not for "agent-mesh ${run}"`,
      `Its options: agent-mesh ${run} --help.`,
    )
  // A word may be a join token, which this error then would show.
  if (own.operands.length + others.operands.length > 0)
    throw refused(`"agent-mesh ${run}" takes options only`, fileOfToken)
  if (command.getOptionValue('join') !== undefined)
    throw refused('other users could read the join token in its definition', fileOfToken)
  const relative = settingsOf(command)
    .filter(({ path }) => path === 'file')
    .flatMap(({ key }) => (command.getOptionValue(key) ?? []) as string | string[])
    .find(path => !isAbsolute(path))
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
