import { MeshError } from '@agent-mesh/protocol/errors'
import type { Command } from 'commander'
import { resolve } from 'node:path'

import { readInput } from '../data/read-input.ts'
import { commandDefaults } from '../defaults.ts'
import type { Config, ConfigSchema } from './config.ts'
import { settingsOf } from './settings-of.ts'

/** The settings of all commands, by section. */
export function configSchema(program: Command): ConfigSchema {
  const sections = program.commands.map(command => [command.name(), settingsOf(command)] as const)
  return new Map([['', settingsOf(program)], ...sections.filter(([, settings]) => settings.length > 0)])
}

/** Reads a file, wrong or not. @throws MeshError not_found, invalid_argument, too_large when it cannot be read at all */
export async function readConfig(file: string, program: Command): Promise<Config> {
  const text = await readInput(file, commandDefaults.configBytes)
  const { readConfigText } = await import('./config-text.ts')
  return readConfigText(text, resolve(file), configSchema(program))
}

/** Reads a file in which nothing may be wrong. @throws MeshError as {@link readConfig}, invalid_argument for its first fault */
export async function loadConfig(file: string, program: Command): Promise<Config> {
  const config = await readConfig(file, program)
  const [first, ...others] = config.problems
  if (first === undefined) return config
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  throw new MeshError(
    'invalid_argument',
    `Cannot use configuration ${file}: line ${first.line}, column ${first.column}: ${first.reason}${more}`,
    { hint: `See all of it with: agent-mesh config check ${file}` },
  )
}
