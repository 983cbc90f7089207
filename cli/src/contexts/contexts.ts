/** The contexts of this user: a folder each below `$XDG_DATA_HOME/agent-mesh`. */
import { fileFailure, makeFolder, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { access, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { hasContext, readContext } from '../data/context-file.ts'
import { ownDataFolder, stopFirst } from '../data/data-folder.ts'
import { contextName, usedContextFile } from '../settings.ts'
import { memberKind, type MemberKind } from './member-kind.ts'

export interface KnownContext {
  name: string
  data: string
  /** What the folder holds: keys of a mesh, a member, an admin's key. */
  holds: ('mesh' | 'member' | 'admin')[]
  /** Its kind as a member. */
  member?: MemberKind
  /** Of the mesh that it administers. */
  url?: string
  meshId?: string
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** What a data folder holds. */
export async function describeContext(name: string, data: string): Promise<KnownContext> {
  const [mesh, member, admin] = await Promise.all([
    exists(join(data, 'root-key.json')),
    exists(join(data, 'member.db')),
    hasContext(data),
  ])
  const context = admin ? await readContext(data).catch(() => undefined) : undefined
  const kind = member ? memberKind(data) : undefined
  const holds = [...(mesh ? ['mesh'] : []), ...(member ? ['member'] : []), ...(admin ? ['admin'] : [])]
  return {
    ...{ name, data, holds: holds as KnownContext['holds'] },
    ...(kind !== undefined && { member: kind }),
    ...(context !== undefined && { url: context.publicUrl ?? context.url, meshId: context.meshId }),
  }
}

const words = { mesh: 'control plane', member: 'member', admin: 'admin' } as const

/** For people: `control plane`, `agent`, `relay`, `admin`; `member` for one whose credential says neither. */
export const holdsText = ({ holds, member }: Pick<KnownContext, 'holds' | 'member'>): string =>
  holds.map(each => (each === 'member' ? (member ?? words.member) : words[each])).join(', ')

/** By name; a folder that does not exist holds none. */
export async function listContexts(folder: string): Promise<KnownContext[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter(entry => entry.isDirectory() && isName(entry.name)).map(({ name }) => name)
  return Promise.all(names.sort().map(name => describeContext(name, join(folder, name))))
}

function isName(text: string): boolean {
  try {
    return contextName(text) === text
  } catch {
    return false
  }
}

/** Makes this the context of commands that name none. @throws MeshError invalid_argument, permission_denied, unavailable */
export async function useContext(folder: string, name: string): Promise<void> {
  contextName(name)
  await makeFolder(folder)
  const file = usedContextFile(folder)
  await replaceFile(file, `${name}\n`).catch((error: unknown) => {
    throw fileFailure(`write ${file}`, error)
  })
}

/**
 * A context that may be removed: what can be refused without asking the user first.
 * @param force also when it holds the keys of a mesh
 * @throws MeshError not_found, permission_denied when it holds the keys of a mesh
 */
export async function removableContext(folder: string, name: string, force: boolean): Promise<KnownContext> {
  const data = join(folder, contextName(name))
  if (!(await exists(data)))
    throw new MeshError('not_found', `Cannot remove context ${name}: there is no folder ${data}`, {
      hint: 'List the contexts with "agent-mesh context list".',
    })
  const context = await describeContext(name, data)
  if (context.holds.includes('mesh') && !force)
    throw new MeshError(
      'permission_denied',
      `Cannot remove context ${name}: ${data} holds the keys of a mesh`,
      { hint: 'The mesh is lost without them: keep a copy of the folder, then pass --force.' },
    )
  return context
}

/**
 * Removes the data folder of a context.
 * @throws MeshError as {@link removableContext}; conflict when a process runs in it
 */
export async function removeContext(folder: string, name: string, force: boolean): Promise<KnownContext> {
  const context = await removableContext(folder, name, force)
  const owned = await ownDataFolder(context.data, 'context remove', stopFirst)
  try {
    await rm(context.data, { recursive: true })
  } finally {
    await owned.release()
  }
  return context
}
