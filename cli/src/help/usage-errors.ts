/** What a wrong command line is answered with: the reason in the words of the other errors, then how to write it. */
import { printable } from '@agent-mesh/protocol/printable'
import type { Command, CommanderError } from 'commander'

/** The reason of a usage error, of one line; it quotes arguments, which a script may have from elsewhere. */
export const usageReason = ({ message }: Pick<CommanderError, 'message'>): string =>
  printable(reason(message))

function reason(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\n+/g, ' ')
    .trim()
  const option = /^option '(.+?)' argument '(.*)' is invalid\. (.*)$/s.exec(text)
  if (option !== null) return `Cannot use '${option[2]}' for ${option[1]}: ${lowerFirst(option[3] ?? '')}`
  const argument = /^command-argument value '(.*)' is invalid for argument '(.+?)'\. (.*)$/s.exec(text)
  if (argument !== null)
    return `Cannot use '${argument[1]}' as <${argument[2]}>: ${lowerFirst(argument[3] ?? '')}`
  return `Cannot run the command: ${text}`
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** Has every command print its usage and the way to its help below a usage error. */
export function showUsageAfterErrors(command: Command): void {
  const usage = command.createHelp().commandUsage(command)
  const path = usage.replace(/ [[<].*$/, '')
  command.showHelpAfterError(`Usage: ${usage}\nHelp:  ${path} --help`)
  for (const below of command.commands) showUsageAfterErrors(below)
}
