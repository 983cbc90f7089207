import { loadIdentity } from '@agent-mesh/agent/identity/identity-file'
import { fileFailure, makeFolder, writeOnce } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { join } from 'node:path'

import { hasContext, readContext, writeContext } from '../data/context-file.ts'
import type { AdminContext } from './exported-context.ts'

const adminFile = 'admin-identity.json'

/**
 * The admin context of a folder, for another machine.
 * @param url how that reaches the control plane @default its public URL
 * @throws MeshError not_found when it administers no mesh, invalid_argument when the URL means this machine alone
 */
export async function readAdminContext(data: string, url: string | undefined): Promise<AdminContext> {
  const context = await readContext(data)
  const reached = url ?? context.publicUrl ?? context.url
  if (!URL.canParse(reached) || !/^https?:$/.test(new URL(reached).protocol))
    throw new MeshError(
      'invalid_argument',
      `Cannot export the context: ${reached} is not an http or https URL`,
    )
  if (url === undefined && /^(?:localhost|127\..*|\[::1\])$/.test(new URL(reached).hostname))
    throw new MeshError(
      'invalid_argument',
      `Cannot export the context: ${reached} means the local machine everywhere`,
      { hint: 'Pass --url URL, or start the control plane with --public-url.' },
    )
  return { url: reached, meshId: context.meshId, identity: await loadIdentity(data, context.admin) }
}

/** @throws MeshError conflict when the file exists, permission_denied, unavailable */
export async function writeExported(file: string, text: string): Promise<void> {
  await writeOnce(file, text).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EEXIST') throw fileFailure(`write ${file}`, error)
    throw new MeshError('conflict', `Cannot write ${file}: it exists`, { hint: 'Name another file.' })
  })
}

/** Twice the same changes nothing. @throws MeshError conflict when the folder administers something else */
export async function importAdmin(data: string, { url, meshId, identity }: AdminContext): Promise<void> {
  await makeFolder(data)
  if (await hasContext(data)) await mustBeSame(data, { meshId, identity })
  const { peerId } = identity
  const file = join(data, adminFile)
  const text = `${JSON.stringify({ version: 1, peerId, privateJwk: identity.privateJwk() }, undefined, 2)}\n`
  await writeOnce(file, text).catch(async (error: unknown) => {
    const known = await loadIdentity(data, adminFile).catch(() => undefined)
    if (known?.peerId !== peerId) throw conflict(data, fileFailure(`write ${file}`, error))
  })
  await writeContext(data, { url, meshId, admin: adminFile })
}

async function mustBeSame(data: string, { meshId, identity }: Omit<AdminContext, 'url'>): Promise<void> {
  const known = await readContext(data)
  const admin = await loadIdentity(data, known.admin)
  if (known.meshId !== meshId || admin.peerId !== identity.peerId) throw conflict(data)
}

const conflict = (data: string, cause?: unknown): MeshError =>
  new MeshError(
    'conflict',
    `Cannot import the context: ${data} already administers another mesh, or has another admin key`,
    {
      cause,
      hint: 'Import it into another context with --context NAME.',
    },
  )
