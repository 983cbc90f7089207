import { controlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { MeshError } from '@agent-mesh/protocol/errors'
import { verifyHead, type VerifiedHead } from '@agent-mesh/protocol/head'
import { verifyRecord } from '@agent-mesh/protocol/member-record'

import type { ProxySettings } from '../settings.ts'
import type { AdminKey } from './admin-facts.ts'
import { learn } from './learn.ts'

export interface ControlPlaneFacts {
  url: string
  /** Its time minus that of this machine, ms, to half a round trip; and its head, verified. */
  answer: { skewMs: number; head: VerifiedHead } | MeshError
  /**
   * What it says to a request signed by this key: the incarnation of the record in its map (absent for admins, and for
   * members that are not in it), or its refusal. Undefined when it was not asked.
   */
  self: { incarnation?: number } | MeshError | undefined
}

interface AskInit {
  url: string
  meshId: string
  identity: AdminKey | MeshError
  as: 'member' | 'admin'
  proxy: ProxySettings | undefined
  signal: AbortSignal
}

export async function learnControlPlane(init: AskInit): Promise<ControlPlaneFacts> {
  const { url, identity } = init
  const answer = await learn('ask the control plane', () => askOpenly(init))
  const known = !(answer instanceof MeshError) && !(identity instanceof MeshError)
  const self = known ? await learn('ask who this is', () => askAs(identity, init)) : undefined
  return { url, answer, self }
}

/** Signed where there is a key: only members receive policy and revocations. */
async function askOpenly({ url, meshId, identity, proxy, signal }: AskInit) {
  const signed = identity instanceof MeshError ? {} : { signer: identity.signer }
  const client = controlPlaneClient({ url, meshId, proxy, ...signed })
  const began = Date.now()
  const { serverTime, head } = await client.bootstrap({}, signal)
  const skewMs = serverTime - (began + Date.now()) / 2
  return { skewMs, head: await verifyHead(meshId, head) }
}

async function askAs({ peerId, signer }: AdminKey, { url, meshId, as, proxy, signal }: AskInit) {
  const client = controlPlaneClient({ url, meshId, signer, proxy })
  if (as === 'admin') {
    await client.policy(signal)
    return {}
  }
  try {
    const { record } = await client.member(peerId, signal)
    return { incarnation: (await verifyRecord(record, Infinity)).record.incarnation }
  } catch (error) {
    if (error instanceof MeshError && error.code === 'not_found') return {}
    throw error
  }
}
