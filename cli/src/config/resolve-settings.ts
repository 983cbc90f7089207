/** The settings of a command: command line, else environment, else configuration file, else default. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { redactText } from '@agent-mesh/protocol/redact'
import { InvalidArgumentError, type Command } from 'commander'

import { settingPlace, type Config } from './config.ts'
import { givenInText, readGiven, settingsOf, type Setting } from './settings-of.ts'

export interface Resolved {
  setting: Setting
  value: unknown
  from: 'command line' | 'environment' | 'file' | 'default'
}

/** Of the settings of a command. @throws MeshError invalid_argument that names the variable whose value is wrong */
export function resolveSettings(
  command: Command,
  env: NodeJS.ProcessEnv,
  config: Config | undefined,
): Resolved[] {
  const section = command.parent === null ? '' : command.name()
  const own = settingsOf(command).filter(({ elsewhere }) => !elsewhere)
  return own.map(setting => {
    const { key, name, option } = setting
    if (command.getOptionValueSource(key) === 'cli')
      return { setting, value: command.getOptionValue(key), from: 'command line' }
    const text = env[setting.env] ?? ''
    if (text !== '') return { setting, value: readVariable(setting, text), from: 'environment' }
    const given = config?.values.get(settingPlace(section, name))
    if (given !== undefined) return { setting, value: readGiven(setting, given), from: 'file' }
    return { setting, value: option.negate ? true : option.defaultValue, from: 'default' }
  })
}

function readVariable(setting: Setting, text: string): unknown {
  try {
    return readGiven(setting, givenInText(setting, text))
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new MeshError(
      'invalid_argument',
      `Cannot read ${setting.env}: it is ${JSON.stringify(redactText(text)).slice(0, 60)}`,
      { cause: error, hint: error.message },
    )
  }
}

/** Gives the command the values, as if they stood in its command line. */
export function giveSettings(command: Command, resolved: readonly Resolved[]): void {
  for (const { setting, value, from } of resolved)
    if (from === 'environment' || from === 'file')
      command.setOptionValueWithSource(setting.key, value, from === 'file' ? 'config' : 'env')
}
