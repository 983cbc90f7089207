import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { version } from '@agent-mesh/protocol/version'
import { Command, CommanderError } from 'commander'

import type { Finish } from './commands/define.ts'
import { commands } from './commands/index.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { readSettings, type GlobalOptions } from './settings.ts'
import { showFailure } from './show/failure.ts'

const examples = `
Examples:
  $ agent-mesh control-plane                        start a mesh on this machine
  $ agent-mesh token create --uses 5                let five machines join it
  $ agent-mesh up --join TOKEN                      join and stay in the mesh
  $ agent-mesh peers                                who is there, over which path
  $ agent-mesh call host.info --peer web-1          ask a machine
  $ agent-mesh call-all host.info                   ask all of them
  $ agent-mesh demo                                 a whole mesh of processes, to look at

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing running, 4 denied, 5 timed out, 6 nobody reachable,
7 not found, 8 conflict, 130 interrupted.`

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
    // Commander has told people already.
    if (style.json) showFailure(new MeshError('invalid_argument', usageMessage(error)), style)
    return exitCodes.usage
  }
}

/** All commands and options, not yet run. @param finish takes the exit code of a command when that is not 0 */
export function createProgram(json: boolean, finish: Finish): Command {
  const program = new Command('agent-mesh')
    .description('Machines on different networks find, trust and call each other.')
    .version(version)
    .option('--context <name>', 'which mesh, when there are several')
    .option('--data <dir>', 'data folder (default: $XDG_DATA_HOME/agent-mesh/CONTEXT)')
    .option('--json', 'results as JSON')
    .option('--proxy <url>', 'HTTP proxy, or none (default: HTTPS_PROXY, else HTTP_PROXY; exempt: NO_PROXY)')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => (json ? undefined : write(printableLines(text))) })
    .exitOverride()
    .addHelpText('after', examples)
  for (const register of commands) register(program, finish)
  return program
}

/** Commander quotes arguments, which a script may have from elsewhere. */
const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')

const usageMessage = ({ message }: CommanderError) =>
  `Cannot run the command: ${message.replace(/^error: /, '')}`

/** The settings themselves may be what is wrong. */
function failureStyle(options: GlobalOptions, argv: readonly string[]) {
  try {
    return readSettings(options)
  } catch {
    return { json: argv.includes('--json'), color: false }
  }
}
