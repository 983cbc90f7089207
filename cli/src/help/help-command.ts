import type { Command } from 'commander'

/** `agent-mesh help token create`: the help of a command, however deep it is. */
export function registerHelp(program: Command): void {
  program.helpCommand(false)
  program
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'its words, like: token create')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh help\n  $ agent-mesh help token create')
    .action((words: string[]) => commandAt(program, words).help())
}

/** @throws CommanderError for a word that is no command */
function commandAt(program: Command, words: readonly string[]): Command {
  let command = program
  for (const word of words) {
    const below = command.commands.find(each => each.name() === word)
    if (below === undefined)
      return command.error(`unknown command '${word}'`, { code: 'commander.unknownCommand' })
    command = below
  }
  return command
}
