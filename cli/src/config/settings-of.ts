/** The options of a command that environment and configuration file can give, too: one schema, one parser for the three. */
import { InvalidArgumentError, type Command, type Option } from 'commander'

export interface Setting {
  /** As in the file: the flag without its dashes, `log-level`. */
  name: string
  /** As commander keeps it: `logLevel`. */
  key: string
  /** `AGENT_MESH_LOG_LEVEL` */
  env: string
  kind: 'value' | 'list' | 'switch'
  /** `none` in the environment and `false` in the file: as with `--no-NAME`. */
  refusable: boolean
  /** Changes at SIGHUP; any other needs a restart. */
  live: boolean
  /** A file, or text and `@FILE`; a relative one is looked for beside the configuration file. */
  path: 'file' | 'at-file' | undefined
  /** Read with the settings of all commands, not as an option of this one. */
  elsewhere: boolean
  option: Option
}

/** Names of options, without dashes. */
interface Marks {
  lists?: readonly string[]
  live?: readonly string[]
  files?: readonly string[]
  atFiles?: readonly string[]
  elsewhere?: readonly string[]
  /** Options of one start, not of a machine. */
  never?: readonly string[]
}

const marked = new WeakMap<Command, Marks>()

/** Lets environment and file give the options of a command. */
export const takesSettings = (command: Command, marks: Marks): void => void marked.set(command, marks)

/** Of a command, in the order of its help; none for most commands. */
export function settingsOf(command: Command): Setting[] {
  const marks = marked.get(command)
  if (marks === undefined) return []
  const all = command.options.filter(option => marks.never?.includes(nameOf(option)) !== true)
  const positive = (option: Option) => all.find(other => !other.negate && nameOf(other) === nameOf(option))
  return all
    .filter(option => !option.negate || positive(option) === undefined)
    .map(option => settingOf(option, marks, all))
}

const nameOf = (option: Option): string => option.name().replace(/^no-/, '')

function settingOf(option: Option, marks: Marks, all: readonly Option[]): Setting {
  const name = nameOf(option)
  const takesValue = option.required || option.optional
  return {
    name,
    key: option.attributeName(),
    env: `AGENT_MESH_${name.toUpperCase().replaceAll('-', '_')}`,
    kind: marks.lists?.includes(name) ? 'list' : takesValue ? 'value' : 'switch',
    refusable: takesValue && all.some(other => other.negate && nameOf(other) === name),
    live: marks.live?.includes(name) ?? false,
    path: marks.files?.includes(name) ? 'file' : marks.atFiles?.includes(name) ? 'at-file' : undefined,
    elsewhere: marks.elsewhere?.includes(name) ?? false,
    option,
  }
}

/** The value of a setting in a file or the environment: text, several texts, or true and false. */
export type Given = string | readonly string[] | boolean

/**
 * The value that the command works with.
 * @throws InvalidArgumentError whose message is a sentence about what is expected
 */
export function readGiven({ kind, refusable, option }: Setting, given: Given): unknown {
  if (given === false && refusable) return false
  if (kind === 'switch') {
    if (typeof given === 'boolean') return given
    throw new InvalidArgumentError('It is neither true nor false.')
  }
  const isText = typeof given === 'string'
  if (kind === 'value' ? !isText : isText || typeof given === 'boolean')
    throw new InvalidArgumentError(kind === 'value' ? 'It is not one value.' : 'It is not a list.')
  const parse = option.parseArg ?? ((text: string) => text)
  if (isText) return parse(given, undefined)
  let values: unknown
  for (const text of given as readonly string[]) values = parse(text, values as undefined)
  return values ?? []
}

/** Text of the environment: a list has commas between its items, a switch is yes or no in one of the usual words. */
export function givenInText({ kind, refusable }: Setting, text: string): Given {
  if (refusable && text === 'none') return false
  if (kind === 'value') return text
  if (kind === 'list') return text.split(',').map(item => item.trim())
  if (/^(?:true|yes|on|1)$/i.test(text)) return true
  if (/^(?:false|no|off|0)$/i.test(text)) return false
  throw new InvalidArgumentError('It is neither true nor false.')
}
