/** Completions at the cursor of a command line, from the tree of commands and, for members and services, the agent. */
import type { Argument, Command, Option } from 'commander'

import { optionCalled, optionsOf, completionPlace, splitOption, visibleCommands } from './words.ts'

export interface Candidate {
  value: string
  /** What it is, in a few words. */
  about: string
}

/** The kind of value of an option or argument, if known. */
export type ValueKind = 'member' | 'method' | 'stream' | 'service' | 'context' | 'file'

/** Knows the values of a kind in the context that `given` names (`context`, `data`); files are left to the shell. */
export type ValueSource = (
  kind: Exclude<ValueKind, 'file'>,
  given: ReadonlyMap<string, string>,
) => Promise<Candidate[]>

export interface Completions {
  /** The shell completes names of files itself. */
  files: boolean
  candidates: Candidate[]
}

/** By the name between the angle brackets in help. */
const kinds: Readonly<Record<string, ValueKind>> = {
  'name|id': 'member',
  who: 'member',
  a: 'member',
  b: 'member',
  member: 'member',
  method: 'method',
  service: 'service',
  context: 'context',
  file: 'file',
  dir: 'file',
}

/** @param words those behind the program's name; the last one is under the cursor, perhaps empty */
export async function complete(
  program: Command,
  words: readonly string[],
  values: ValueSource,
): Promise<Completions> {
  const current = words.at(-1) ?? ''
  const { command, option, argument, given, optionsEnded } = completionPlace(program, words.slice(0, -1))
  const source: ValueSource = (kind, of) =>
    values(kind === 'method' && command.name() === 'stream' ? 'stream' : kind, of)
  const valuesOf = (what: Option | Argument | undefined) => valuesFor(what, given, source)
  if (option !== undefined && !(option.optional && current.startsWith('-')))
    return starting(current, await valuesOf(option))
  if (current.startsWith('-') && !optionsEnded) return completeOption(command, current, valuesOf)
  const commands = visibleCommands(command).map(below => ({
    value: below.name(),
    about: below.summary() || below.description(),
  }))
  return starting(
    current,
    commands.length > 0 ? { files: false, candidates: commands } : await valuesOf(argument),
  )
}

/** `--na`, or `--name=val`. */
async function completeOption(
  command: Command,
  current: string,
  valuesOf: (option: Option | undefined) => Promise<Completions>,
): Promise<Completions> {
  const [flag, value] = splitOption(current)
  if (value === undefined) return starting(current, { files: false, candidates: optionCandidates(command) })
  const { files, candidates } = await valuesOf(optionCalled(command, flag))
  const whole = candidates.map(({ value: word, about }) => ({ value: `${flag}=${word}`, about }))
  return starting(current, { files, candidates: whole })
}

function starting(current: string, { files, candidates }: Completions): Completions {
  return { files, candidates: candidates.filter(({ value }) => value.startsWith(current)) }
}

const optionCandidates = (command: Command): Candidate[] => [
  ...optionsOf(command).flatMap(({ long, description }) =>
    long === undefined || long === null ? [] : [{ value: long, about: description }],
  ),
  { value: '--help', about: 'options and examples' },
]

async function valuesFor(
  what: Option | Argument | undefined,
  given: ReadonlyMap<string, string>,
  values: ValueSource,
): Promise<Completions> {
  if (what?.argChoices !== undefined)
    return { files: false, candidates: what.argChoices.map(value => ({ value, about: '' })) }
  const kind = what === undefined ? undefined : kindOf(what)
  if (kind === 'file') return { files: true, candidates: [] }
  return { files: false, candidates: kind === undefined ? [] : await values(kind, given) }
}

function kindOf(what: Option | Argument): ValueKind | undefined {
  if ('flags' in what) {
    if (what.long === '--context') return 'context'
    return kinds[/[<[]([^>\]]+)[>\]]/.exec(what.flags)?.[1] ?? '']
  }
  return kinds[what.name()]
}
