import { MeshError } from '@agent-mesh/protocol/errors'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

import { defaults } from './defaults.ts'

/** The options every command has. */
export interface GlobalOptions {
  context?: string
  data?: string
  json?: boolean
  proxy?: string
}

export interface Settings {
  context: string
  /** Absolute. */
  data: string
  /** What commands printed for the reader need to mean the same context: ` --context x`, or nothing. */
  flags: string
  json: boolean
  /** Whether stdout shows colour. */
  color: boolean
  /** Whether stdout is a terminal on which lines can be drawn anew. */
  redraws: boolean
  /** Whether somebody watches stderr. */
  interactive: boolean
  /** Through which control plane and relays are reached. */
  proxy: ProxySettings | undefined
  /** What the environment has for `--join`: `TOKEN`, or `@FILE`. */
  join: string | undefined
}

export interface ProxySettings {
  /** May hold a password. */
  url: string
  noProxy: string
}

/**
 * The one place that reads the environment: XDG_DATA_HOME, NO_COLOR, HTTPS_PROXY, HTTP_PROXY, NO_PROXY, AGENT_MESH_JOIN,
 * AGENT_MESH_JOIN_FILE.
 * @throws MeshError invalid_argument for a context that is no name, or when neither home nor data folder is known
 */
export function readSettings(options: GlobalOptions, env: NodeJS.ProcessEnv = environment()): Settings {
  const context = options.context ?? defaults.context
  if (!/^[a-zA-Z0-9][\w.-]{0,63}$/.test(context))
    throw new MeshError(
      'invalid_argument',
      `Cannot use context ${JSON.stringify(context)}: not 1-64 of a-z, 0-9, . _ -`,
    )
  return {
    context,
    data: options.data === undefined ? contextFolder(context, env) : resolve(options.data),
    flags: flagsOf(options),
    json: options.json ?? false,
    color: process.stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    redraws: process.stdout.isTTY === true && env['TERM'] !== 'dumb',
    interactive: process.stderr.isTTY === true && env['TERM'] !== 'dumb',
    proxy: proxyOf(options.proxy, env),
    join: joinOf(env),
  }
}

function contextFolder(context: string, env: NodeJS.ProcessEnv): string {
  const shared = env['XDG_DATA_HOME']
  // The XDG specification: relative values are ignored.
  const base = shared !== undefined && isAbsolute(shared) ? shared : join(homeOf(), '.local', 'share')
  return join(base, 'agent-mesh', context)
}

/** A user without an entry in the user database has no home: containers run as any number. */
function homeOf(): string {
  try {
    const home = homedir()
    if (isAbsolute(home)) return home
  } catch {
    // No entry: as an empty one.
  }
  throw new MeshError('invalid_argument', 'Cannot choose a data folder: this user has no home directory', {
    hint: 'Name the folder with --data DIR, or set XDG_DATA_HOME or HOME.',
  })
}

function joinOf(env: NodeJS.ProcessEnv): string | undefined {
  const [token, file] = [env['AGENT_MESH_JOIN'] ?? '', env['AGENT_MESH_JOIN_FILE'] ?? '']
  if (token !== '') return token
  return file === '' ? undefined : `@${file}`
}

/** Everything is tunnelled, so one proxy serves for all; what is on this machine never needs it. */
function proxyOf(option: string | undefined, env: NodeJS.ProcessEnv): ProxySettings | undefined {
  const named = (name: string) => [env[name], env[name.toLowerCase()]].find(value => (value ?? '') !== '')
  const url = option ?? named('HTTPS_PROXY') ?? named('HTTP_PROXY')
  if (url === undefined || url === 'none') return undefined
  const exempt = [named('NO_PROXY'), defaults.neverProxied].filter(value => value !== undefined)
  return { url, noProxy: exempt.join(',') }
}

function flagsOf({ context, data }: GlobalOptions): string {
  if (data !== undefined)
    return ` --data ${/^[\w./-]+$/.test(data) ? data : `'${data.replaceAll("'", "'\\''")}'`}`
  return context === undefined ? '' : ` --context ${context}`
}

/** Of a process of this same command: all of this one's, and the join token, if any. */
export function childEnvironment(join: string | undefined): NodeJS.ProcessEnv {
  const { AGENT_MESH_JOIN: _, AGENT_MESH_JOIN_FILE: __, ...env } = environment()
  return join === undefined ? env : { ...env, AGENT_MESH_JOIN: join }
}

function environment(): NodeJS.ProcessEnv {
  // eslint-disable-next-line no-restricted-properties -- this is the file that reads it
  return process.env
}
