import {
  contextName,
  contextsFolder as contextsFolderOf,
  defaultContext,
  usedContext,
} from '@agent-mesh/agent/identity/context-folder'
import { join, resolve } from 'node:path'

import { commandDefaults } from './defaults.ts'

export { contextName, usedContextFile } from '@agent-mesh/agent/identity/context-folder'

/** The options every command has. */
export interface GlobalOptions {
  context?: string
  data?: string
  json?: boolean
  proxy?: string
  config?: string
}

/** Their values, and the join token, in the configuration file. */
export type FileOptions = Pick<GlobalOptions, 'context' | 'data' | 'proxy'> & { join?: string }

/** The source of the context or the data folder. */
export type ContextChoice = 'option' | 'environment' | 'file' | 'use' | 'default'

export interface Settings {
  context: string
  chosenBy: ContextChoice
  /** Absolute. */
  data: string
  /** The flags of this context, for printed commands: ` --context x`, or nothing. */
  flags: string
  json: boolean
  /** Whether stdout shows colour. */
  color: boolean
  /** Whether stdout is a terminal on which lines can be drawn anew: one of a known size. */
  redraws: boolean
  /** Whether stderr is a terminal. */
  interactive: boolean
  /** The proxy to control plane and relays. */
  proxy: ProxySettings | undefined
  /** The value of environment or file for `--join`: `TOKEN`, or `@FILE`. */
  join: string | undefined
}

export interface ProxySettings {
  /** May hold a password. */
  url: string
  noProxy: string
}

/**
 * This file alone reads the environment: AGENT_MESH_CONTEXT, AGENT_MESH_DATA, AGENT_MESH_PROXY, AGENT_MESH_JOIN, AGENT_MESH_JOIN_FILE,
 * XDG_DATA_HOME, NO_COLOR, HTTPS_PROXY, HTTP_PROXY, NO_PROXY; those of single commands: config/resolve-settings.ts.
 * @throws MeshError invalid_argument for a context that is no name, or when neither home nor data folder is known
 */
export function readSettings(
  options: GlobalOptions,
  env: NodeJS.ProcessEnv = environment(),
  file: FileOptions = {},
): Settings {
  const { context, data, chosenBy } = contextOf(options, env, file)
  return {
    context,
    chosenBy,
    data,
    flags: flagsOf(chosenBy === 'option' ? options : chosenBy === 'file' ? file : {}),
    json: options.json ?? false,
    color: process.stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    redraws: canRedraw(process.stdout, env['TERM']),
    interactive: process.stderr.isTTY === true && env['TERM'] !== 'dumb',
    proxy: proxyOf(options.proxy ?? (given(env, 'AGENT_MESH_PROXY') || file.proxy), env),
    join: joinOf(env) ?? file.join,
  }
}

/** Serial consoles and some containers have a terminal of 0 columns and 0 rows, on which a page cannot be placed. */
export const canRedraw = (
  { isTTY, columns, rows }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>,
  term: string | undefined,
): boolean => isTTY === true && term !== 'dumb' && columns > 0 && rows > 0

/** The configuration file that option or environment name. */
export const configPath = ({ config }: GlobalOptions, env: NodeJS.ProcessEnv): string | undefined =>
  config ?? (given(env, 'AGENT_MESH_CONFIG') || undefined)

/** An empty variable counts as none. */
const given = (env: NodeJS.ProcessEnv, name: string): string => env[name] ?? ''

type Choice = Pick<Settings, 'context' | 'data' | 'chosenBy'>

/** The first that names a data folder or a context says which it is; of both, the folder counts. */
function contextOf(options: GlobalOptions, env: NodeJS.ProcessEnv, file: FileOptions): Choice {
  const variables = { data: given(env, 'AGENT_MESH_DATA'), context: given(env, 'AGENT_MESH_CONTEXT') }
  const layers = [
    ['option', options],
    ['environment', variables],
    ['file', file],
  ] as const
  for (const [chosenBy, { data, context }] of layers) {
    const isNamed = chosenBy === 'option' ? context !== undefined : (context ?? '') !== ''
    const name = isNamed ? contextName(context ?? '') : defaultContext
    if (data !== undefined && data !== '') return { context: name, data: resolve(data), chosenBy }
    if (isNamed) return { context: name, data: join(contextsFolder(env), name), chosenBy }
  }
  const folder = contextsFolder(env)
  const used = usedContext(folder)
  const context = used ?? defaultContext
  return { context, data: join(folder, context), chosenBy: used === undefined ? 'default' : 'use' }
}

/** Holds a folder for each context. @throws MeshError invalid_argument when this user has no home */
export const contextsFolder = (env: NodeJS.ProcessEnv = environment()): string => contextsFolderOf(env)

function joinOf(env: NodeJS.ProcessEnv): string | undefined {
  const [token, file] = [given(env, 'AGENT_MESH_JOIN'), given(env, 'AGENT_MESH_JOIN_FILE')]
  if (token !== '') return token
  return file === '' ? undefined : `@${file}`
}

/** Everything is tunnelled, so one proxy serves for all; this machine is reached without it. */
function proxyOf(own: string | undefined, env: NodeJS.ProcessEnv): ProxySettings | undefined {
  const named = (name: string) => [env[name], env[name.toLowerCase()]].find(value => (value ?? '') !== '')
  const url = own ?? named('HTTPS_PROXY') ?? named('HTTP_PROXY')
  if (url === undefined || url === 'none') return undefined
  const exempt = [named('NO_PROXY'), commandDefaults.neverProxied].filter(value => value !== undefined)
  return { url, noProxy: exempt.join(',') }
}

function flagsOf({ context, data }: Pick<GlobalOptions, 'context' | 'data'>): string {
  if (data !== undefined)
    return ` --data ${/^[\w./-]+$/.test(data) ? data : `'${data.replaceAll("'", "'\\''")}'`}`
  return context === undefined ? '' : ` --context ${context}`
}

/** Of a process of this same command: what is set for this one is not meant for it; the join token, if any. */
export function childEnvironment(join: string | undefined): NodeJS.ProcessEnv {
  const inherited = Object.entries(environment()).filter(([name]) => !name.startsWith('AGENT_MESH_'))
  return { ...Object.fromEntries(inherited), ...(join !== undefined && { AGENT_MESH_JOIN: join }) }
}

export function environment(): NodeJS.ProcessEnv {
  // eslint-disable-next-line no-restricted-properties -- this is the file that reads it
  return process.env
}
