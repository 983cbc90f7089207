import { version } from '@agent-mesh/protocol/version'
import { Command, CommanderError, type Argument } from 'commander'

import type { Finish } from './commands/define.ts'
import { commandGroups } from './commands/index.ts'
import { takesSettings } from './config/settings-of.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { rootHelp } from './help/root-help.ts'
import { registerHelp } from './help/help-command.ts'
import { showUsageAfterErrors, usageError, usageReason } from './help/usage-errors.ts'
import { readSettings, type GlobalOptions } from './settings.ts'
import { showFailure } from './show/failure.ts'

/** Runs the command line `argv` (without node and script); returns the exit code. */
export async function runProgram(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok
  const program = createProgram(argv.includes('--json'), result => void (code = result))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    const style = failureStyle(program.opts(), argv)
    if (!(error instanceof CommanderError)) return showFailure(error, style)
    // Asking for help or the version is no failure.
    if (error.exitCode === 0) return exitCodes.ok
    // Commander has printed the reason, or the help of a group of commands, for people.
    if (style.json) showFailure(usageError(error, program), style)
    return exitCodes.usage
  }
}

/** All commands and options, not yet run. @param finish takes the exit code of a command when that is not 0 */
export function createProgram(json: boolean, finish: Finish): Command {
  const program = new Command('agent-mesh')
    .description('Machines on different networks find, trust and call each other.')
    .version(version)
    .option('--context <name>', 'context, which is one mesh as seen from this machine (default: default)')
    .option('--data <dir>', 'data folder (default: $XDG_DATA_HOME/agent-mesh/CONTEXT)')
    .option('--json', 'print results and errors as JSON')
    .option(
      '--proxy <url>',
      'HTTP proxy, or none (default: HTTPS_PROXY, else HTTP_PROXY; NO_PROXY lists exceptions)',
    )
    .option('--config <file>', 'configuration file, YAML or JSON (default: AGENT_MESH_CONFIG)')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: listed })
    .showSuggestionAfterError()
    .configureOutput({
      ...(json && { writeErr: () => undefined }),
      outputError: (message, write) => write(`error: ${usageReason({ message })}\n`),
    })
    .exitOverride()
    .addHelpText('after', rootHelp)
  takesSettings(program, { files: ['data'], never: ['version', 'json', 'config'] })
  for (const { heading, commands } of commandGroups) {
    program.commandsGroup(heading)
    for (const register of commands) register(program, finish)
  }
  registerHelp(program)
  if (!json) showUsageAfterErrors(program)
  return program
}

/** How help lists a command: its arguments, not that it has options. */
const listed = (command: Command): string =>
  [command.name(), ...command.registeredArguments.map(argumentText)].join(' ')

const argumentText = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}${argument.variadic ? '...' : ''}]`

/** The settings themselves may be what is wrong. */
function failureStyle(options: GlobalOptions, argv: readonly string[]) {
  try {
    return readSettings(options)
  } catch {
    return { json: argv.includes('--json'), color: false }
  }
}
