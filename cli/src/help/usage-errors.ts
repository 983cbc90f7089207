/** The error of a wrong command line: the reason in the form of the other errors, then the usage. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import type { Command, CommanderError } from 'commander'

import { visibleCommands } from '../completion/words.ts'

/** The reason of a usage error, of one line; it quotes arguments, which a script may have from elsewhere. */
export const usageReason = ({ message }: Pick<CommanderError, 'message'>): string =>
  printable(reason(message))

/** Commander's sentences, and what they are in the form of the other errors. */
const sentences: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [
    /^option '(.+?)' argument '(.*)' is invalid\. (.*)$/s,
    (option = '', value = '', why = '') => `Cannot use '${value}' for ${option}: ${lowerFirst(why)}`,
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.+?)'\. (.*)$/s,
    (value = '', argument = '', why = '') => `Cannot use '${value}' as <${argument}>: ${lowerFirst(why)}`,
  ],
  [
    /^unknown option '(-[\w-]{15}|-[\w-]{21})'/,
    id => `Cannot run the command: '${id}' is not an option; write -- before an id that begins with -`,
  ],
  [
    /^missing required argument '(.+)'$/,
    argument => `Cannot run the command: argument <${argument}> is missing`,
  ],
  [/^option '(.+)' argument missing$/, option => `Cannot run the command: ${option} has no value`],
  [
    /^too many arguments for '(.+?)'\. Expected (\d+) arguments? but got (\d+): (.*)\.$/s,
    (command, most, given, words) =>
      `Cannot run the command: '${command}' takes ${most} arguments and was given ${given} (${words})`,
  ],
]

function reason(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\n+/g, ' ')
    .trim()
  for (const [form, inOurs] of sentences) {
    const found = form.exec(text)
    if (found !== null) return inOurs(...found.slice(1))
  }
  return `Cannot run the command: ${text}`
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The same as an error for programs. */
export function usageError(error: CommanderError, program: Command): MeshError {
  const command = namedBy(program)
  const path = pathOf(command)
  const hint = `Help: ${path} --help`
  if (error.code !== 'commander.help') return new MeshError('invalid_argument', usageReason(error), { hint })
  const below = visibleCommands(command)
    .map(each => each.name())
    .filter(name => name !== 'help')
  return new MeshError('invalid_argument', `Cannot run ${path}: a command is missing`, {
    hint: `Its commands: ${below.join(', ')}. ${hint}`,
  })
}

/** The innermost command that the arguments name. */
function namedBy(command: Command): Command {
  const [word] = command.args
  const below = command.commands.find(each => each.name() === word)
  return below === undefined ? command : namedBy(below)
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`

/** Has every command print its usage and the way to its help below a usage error. */
export function showUsageAfterErrors(command: Command): void {
  const usage = command.createHelp().commandUsage(command)
  command.showHelpAfterError(`Usage: ${usage}\nHelp:  ${pathOf(command)} --help`)
  for (const below of command.commands) showUsageAfterErrors(below)
}
