import type { Command } from 'commander'

import {
  configPath,
  environment,
  readSettings,
  type FileOptions,
  type GlobalOptions,
  type Settings,
} from '../settings.ts'
import { loadConfig } from './config-file.ts'
import { settingPlace, type Config } from './config.ts'
import { giveSettings, resolveSettings, type Resolved } from './resolve-settings.ts'

export interface Prepared {
  settings: Settings
  resolved: readonly Resolved[]
  /** Reads the configuration file again. @throws MeshError; then nothing is to change */
  again(): Promise<readonly Resolved[]>
}

/**
 * Sets the options that the command line leaves open, before a command runs.
 * @throws MeshError when the configuration file or a variable is wrong
 */
export async function prepare(command: Command): Promise<Prepared> {
  const env = environment()
  const options = command.optsWithGlobals<GlobalOptions>()
  const file = configPath(options, env)
  const read = async (): Promise<[Config | undefined, readonly Resolved[]]> => {
    const config = file === undefined ? undefined : await loadConfig(file, rootOf(command))
    return [config, resolveSettings(command, env, config)]
  }
  const [config, resolved] = await read()
  giveSettings(command, resolved)
  const settings = readSettings(options, env, fileOptions(config, command))
  return { settings, resolved, again: async () => (await read())[1] }
}

export const rootOf = (command: Command): Command =>
  command.parent === null ? command : rootOf(command.parent)

/** The settings of all commands: which mesh, which proxy, and the join token. */
function fileOptions(config: Config | undefined, command: Command): FileOptions {
  const text = (section: string, name: string) => {
    const given = config?.values.get(settingPlace(section, name))
    return typeof given === 'string' ? given : undefined
  }
  const [context, data, proxy] = ['context', 'data', 'proxy'].map(name => text('', name))
  const join = text(command.name(), 'join')
  return {
    ...(context !== undefined && { context }),
    ...(data !== undefined && { data }),
    ...(proxy !== undefined && { proxy }),
    ...(join !== undefined && { join }),
  }
}
