import { Argument } from 'commander'

import { complete } from '../completion/complete.ts'
import { shells, shellScripts, type Shell } from '../completion/shell-scripts.ts'
import { onCall, type Register } from './define.ts'

export const registerCompletion: Register = (program, finish) => {
  const command = program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      `\n${shells.map(loading).join('\n\n')}\n\nExamples:\n  $ agent-mesh completion bash`,
    )
  onCall<object, [Shell]>(command, finish, ({ output }, shell) => {
    const { text } = shellScripts[shell]
    output.result({ shell, script: text }, () => text.trimEnd().split('\n'))
    return Promise.resolve()
  })
  registerComplete(program, finish)
}

const loading = (shell: Shell): string => {
  const { load, install } = shellScripts[shell]
  return `${shell}, this shell:  ${load}\n${' '.repeat(shell.length)}  all shells:  ${install}`
}

/** The hidden command that the scripts run at each Tab. */
const registerComplete: Register = (program, finish) => {
  const command = program
    .command('__complete', { hidden: true })
    .description('list what completes a command line; used by the completion scripts')
    .argument('[words...]', 'the words behind agent-mesh, the one under the cursor last')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh __complete -- call --pe')
  onCall<object, [string[]]>(command, finish, async ({ output }, words) => {
    const { knownValues } = await import('../completion/known-values.ts')
    const { files, candidates } = await complete(program, words, knownValues)
    output.result({ files, candidates }, () => [
      files ? 'files' : 'words',
      ...candidates.filter(({ value }) => !/\s/.test(value)).map(({ value, about }) => `${value} ${about}`),
    ])
  })
}
