/** The cursor in a command line: the command that it belongs to, and what is expected there. */
import type { Argument, Command, Option } from 'commander'

export interface CompletionPlace {
  /** The innermost command that the words before the cursor name. */
  command: Command
  /** The option whose value is expected. */
  option?: Option
  /** Else the argument, when the command has no commands below it. */
  argument?: Argument
  /** After `--` nothing is an option. */
  optionsEnded: boolean
  /** Values of options that came before, by long name without the dashes. */
  given: ReadonlyMap<string, string>
}

/** Options that may stand behind `command`: its own, then those of the commands it belongs to. */
export function optionsOf(command: Command): Option[] {
  const own = command.options.filter(({ hidden }) => !hidden)
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)]
}

/** @param before the words between the program's name and the word under the cursor */
export function completionPlace(program: Command, before: readonly string[]): CompletionPlace {
  let command = program
  let pending: Option | undefined
  let positions = 0
  let optionsEnded = false
  const given = new Map<string, string>()
  for (const word of before) {
    if (pending !== undefined && !(pending.optional && word.startsWith('-'))) {
      given.set(pending.name(), word)
      pending = undefined
      continue
    }
    pending = undefined
    if (!optionsEnded && word === '--') optionsEnded = true
    else if (!optionsEnded && word.startsWith('-') && word !== '-') {
      const [flag = '', value] = splitOption(word)
      const option = optionCalled(command, flag)
      if (option === undefined || !takesValue(option)) continue
      if (value === undefined) pending = option
      else given.set(option.name(), value)
    } else {
      const below = positions === 0 ? visibleCommands(command).find(each => each.name() === word) : undefined
      if (below === undefined) positions++
      else command = below
    }
  }
  const place = { command, given, optionsEnded }
  if (pending !== undefined) return { ...place, option: pending }
  const { registeredArguments: args } = command
  const last = args.at(-1)
  const argument = args[positions] ?? (last?.variadic === true ? last : undefined)
  return argument === undefined ? place : { ...place, argument }
}

/** `--name=value` in its two parts. */
export function splitOption(word: string): [string, string?] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

export const optionCalled = (command: Command, flag: string): Option | undefined =>
  optionsOf(command).find(({ long, short }) => long === flag || short === flag)

export const takesValue = ({ required, optional }: Option): boolean => required || optional

/** Commands that are listed in help: those for scripts alone are not. */
export const visibleCommands = (command: Command): readonly Command[] =>
  command.createHelp().visibleCommands(command)
