/** Where the data of a context is on this machine: the command and programs that attach to its agent look in the same place. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** The context where none is named. */
export const defaultContext = 'default'

/**
 * The data folder of `data`, else of `context`, else of AGENT_MESH_DATA, AGENT_MESH_CONTEXT, `agent-mesh context use`, or the context
 * `default`. @throws MeshError invalid_argument
 */
export function contextFolder({
  data,
  context,
}: {
  data?: string | undefined
  context?: string | undefined
}): string {
  // eslint-disable-next-line no-restricted-properties -- the one place of the agent that reads it
  const { env } = process
  const named = (name: string): string | undefined => env[name] || undefined
  const folder = data ?? (context === undefined ? named('AGENT_MESH_DATA') : undefined)
  if (folder !== undefined) return resolve(folder)
  const contexts = contextsFolder(env)
  return join(
    contexts,
    contextName(context ?? named('AGENT_MESH_CONTEXT') ?? usedContext(contexts) ?? defaultContext),
  )
}

/** @throws MeshError invalid_argument when it is no name */
export function contextName(text: string): string {
  if (/^[a-zA-Z0-9][\w.-]{0,63}$/.test(text)) return text
  throw new MeshError(
    'invalid_argument',
    `Cannot use context ${JSON.stringify(text)}: not 1-64 of a-z, 0-9, . _ -`,
  )
}

/** Holds a folder for each context. @throws MeshError invalid_argument when this user has no home */
export function contextsFolder(env: NodeJS.ProcessEnv): string {
  const shared = env['XDG_DATA_HOME']
  // The XDG specification: relative values are ignored.
  const base = shared !== undefined && isAbsolute(shared) ? shared : join(homeOf(), '.local', 'share')
  return join(base, 'agent-mesh')
}

/** What `agent-mesh context use` wrote; no context has a name that begins with a dot. */
export const usedContextFile = (folder: string): string => join(folder, '.context')

/** The context that `agent-mesh context use` chose; undefined: none. @throws MeshError invalid_argument */
export function usedContext(folder: string): string | undefined {
  try {
    return contextName(readFileSync(usedContextFile(folder), 'utf8').trim())
  } catch (error) {
    if (error instanceof MeshError) throw error
    return undefined
  }
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
    hint: 'Name the folder with --data DIR, or set AGENT_MESH_DATA, XDG_DATA_HOME or HOME.',
  })
}
