/** Leaving a mesh: the control plane ends the membership, and the data folder says that it was left. */
import { access, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  membershipEnds,
  MeshError,
  meshIdField,
  nameField,
  toMeshError,
  type MembershipEnd,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { controlPlaneClient, type ControlPlaneClient } from '../discovery/control-plane-client.ts'
import { enrolledIn, type ControlPlaneRef } from '../discovery/enrolment.ts'
import { loadIdentity } from '../identity/index.ts'
import { fileFailure, replaceFile } from '../identity/private-file.ts'
import { openMemberStore } from '../membership/member-store.ts'
import type { ProxyOptions } from '../transport/wires/proxy.ts'
import { nameBefore } from './wishes.ts'

export interface LeaveInit {
  /** Of a member that does not run; the caller owns it. */
  data: string
  proxy?: ProxyOptions | undefined
  /** Forgets the membership here though the control plane does not answer. @default false */
  force?: boolean
  signal?: AbortSignal | undefined
}

export interface Left {
  meshId: string
  peerId: string
  /** Whether the control plane ended the membership; else it had ended before (`before`), or `force` left it as it is. */
  ended: boolean
  /** How it had ended, as the control plane says: by others, or it is not known. */
  before?: MembershipEnd | 'unknown'
}

const leftSchema = z.looseObject({
  meshId: meshIdField,
  at: z.string().check(z.maxLength(32)),
  /** Its name then; versions before did not keep it. */
  name: z.optional(nameField),
})

const leftFile = (data: string): string => join(data, 'left.json')

/** The mesh that a folder left; undefined when it left none. */
export async function leftMesh(data: string): Promise<z.output<typeof leftSchema> | undefined> {
  try {
    return leftSchema.parse(JSON.parse(await readFile(leftFile(data), 'utf8')))
  } catch {
    return undefined
  }
}

/** The folder is in a mesh again. */
export const forgetLeaving = (data: string): Promise<void> => rm(leftFile(data), { force: true })

/**
 * Ends the membership of a data folder: record, credential and name are free, credential and map on disk are removed. The key
 * stays, so that the machine may join again as the same peer.
 * @throws MeshError not_found when the folder is in no mesh, and what the control plane says; unavailable unless `force`
 */
export async function leaveMesh({ data, proxy, force = false, signal }: LeaveInit): Promise<Left> {
  const { meshId, url, name } = await readEnrolment(data)
  const { peerId, signer } = await loadIdentity(data)
  const client = controlPlaneClient({ url, meshId, signer, proxy })
  const outcome = await end(client, signal).catch((error: unknown) => {
    const before = endedBefore(toMeshError(error, 'internal', 'leave the mesh'))
    if (before !== undefined) return { ended: false, before }
    if (force && signal?.aborted !== true) return { ended: false }
    throw withForceHint(error)
  })
  const left = { meshId, at: new Date().toISOString(), name }
  await replaceFile(leftFile(data), `${JSON.stringify(left)}\n`).catch((error: unknown) => {
    throw fileFailure(`write ${leftFile(data)}`, error)
  })
  for (const file of ['member.db', 'member.db-wal', 'member.db-shm'])
    await rm(join(data, file), { force: true })
  return { meshId, peerId, ...outcome }
}

/** Before the user is asked. @throws MeshError not_found when the folder is in no mesh */
export async function checkLeave(data: string): Promise<void> {
  await readEnrolment(data)
}

/** Of one that is revoked, removed or unknown there is nothing to end. */
function endedBefore({ code, details }: MeshError): Left['before'] {
  if (code === 'revoked') return 'revoked'
  if (code !== 'unauthenticated') return undefined
  return membershipEnds.find(how => how === details?.['ended']) ?? 'unknown'
}

/** Of a control plane that cannot do it now. */
function withForceHint(error: unknown): unknown {
  if (!(error instanceof MeshError) || !error.retriable) return error
  const { code, message } = error
  const hint = 'Try again when it answers. To forget the membership on this machine alone, pass --force.'
  return new MeshError(code, message, { cause: error, hint })
}

async function readEnrolment(data: string): Promise<ControlPlaneRef & { name: string | undefined }> {
  const file = join(data, 'member.db')
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  const store = exists ? openMemberStore(file) : undefined
  try {
    const known = store && enrolledIn(store)
    if (store !== undefined && known !== undefined) return { ...known, name: nameBefore(store) }
  } finally {
    store?.close()
  }
  const left = await leftMesh(data)
  const reason = left === undefined ? 'belongs to no mesh' : `left mesh ${left.meshId} at ${left.at}`
  throw new MeshError('not_found', `Cannot leave: ${data} ${reason}`, {
    hint: 'Use the context of a member: --context NAME or --data DIR.',
  })
}

/** An expired credential is renewed first: the route is for members. */
async function end(client: ControlPlaneClient, signal: AbortSignal | undefined): Promise<{ ended: true }> {
  try {
    await client.endMembership(signal)
  } catch (error) {
    const expired = error instanceof MeshError && error.details?.['enrolled'] === true
    if (!expired) throw error
    await client.renew(signal)
    await client.endMembership(signal)
  }
  return { ended: true }
}
