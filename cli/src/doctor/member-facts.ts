/** The files of agents and relays; read beside a running one, never written. */
import { enrolledIn, type ControlPlaneRef } from '@agent-mesh/agent/discovery/enrolment'
import { loadIdentity } from '@agent-mesh/agent/identity/identity-file'
import { openMemberStore, type MemberStore } from '@agent-mesh/agent/membership/member-store'
import { verifyCredential, type CredentialClaims } from '@agent-mesh/protocol/credential'
import { MeshError } from '@agent-mesh/protocol/errors'
import { signedHeadSchema, verifyHead, type VerifiedHead } from '@agent-mesh/protocol/head'
import { parseJson } from '@agent-mesh/protocol/parse'
import { join } from 'node:path'

import type { AdminKey } from './admin-facts.ts'
import { learn } from './learn.ts'

export interface MemberFacts {
  identity: AdminKey | MeshError
  /** Undefined before the first enrolment. */
  controlPlane: ControlPlaneRef | undefined | MeshError
  head: VerifiedHead | undefined | MeshError
  /** Verified with the newest head; its time is not checked here. */
  credential: CredentialClaims | undefined | MeshError
  /** Highest one signed here. */
  incarnation: number
}

export async function readMemberFacts(folder: string): Promise<MemberFacts> {
  const identity = await learn('read the key', () => loadIdentity(folder))
  const store = await learn('open member.db', () => openMemberStore(join(folder, 'member.db')))
  if (store instanceof MeshError)
    return { identity, controlPlane: store, head: store, credential: store, incarnation: 0 }
  try {
    const controlPlane = await learn('read which mesh this is', () => enrolledIn(store))
    const meshId = controlPlane instanceof MeshError ? undefined : controlPlane?.meshId
    const head =
      meshId === undefined ? undefined : await learn('verify the head', () => headOf(store, meshId))
    const credential = await learn('verify the credential', () => credentialOf(store, head, identity))
    return { identity, controlPlane, head, credential, incarnation: Number(store.get('incarnation') ?? 0) }
  } finally {
    store.close()
  }
}

async function headOf(store: MemberStore, meshId: string): Promise<VerifiedHead | undefined> {
  const stored = store.get('head')
  if (stored === undefined) return undefined
  return verifyHead(meshId, parseJson(signedHeadSchema, stored, 'read the head in member.db'))
}

async function credentialOf(
  store: MemberStore,
  head: MemberFacts['head'],
  identity: MemberFacts['identity'],
): Promise<CredentialClaims | undefined> {
  const jwt = store.get('credential')
  if (jwt === undefined || head === undefined) return undefined
  if (head instanceof MeshError) throw head
  if (identity instanceof MeshError) throw identity
  const { keys } = head
  return verifyCredential(jwt, { meshId: keys.meshId, keys, now: 'any', peerId: identity.peerId })
}
