/** The documents that news of failure detection carry: who is alive shows record and credential, who left a farewell. */
import { MeshError, type News, type Peer, type VerifiedHead } from '@agent-mesh/protocol'
import { verifyFarewell } from '@agent-mesh/protocol/farewell'
import { limits } from '@agent-mesh/protocol/limits'
import { verifyPair } from './map-pair.ts'

export interface SignedPair {
  /** `record+jws` */
  record: string
  credential: string
}

/** One space between the two. */
export const proofOf = ({ record, credential }: SignedPair): string => `${record} ${credential}`

/** A member as {@link MeshMap.meet} takes it. */
export type ProvedMember = Pick<Peer, 'peerId' | 'credential' | 'record' | 'signed'>

/** Whether a record of this incarnation can be, if clocks agree; others would block each newer one. @param now unix ms */
export const isPossible = (incarnation: number, now: number): boolean => incarnation <= now + limits.futureMs

/** @throws MeshError unauthenticated when the proof is not of this member and incarnation */
export async function provedAlive(
  { peerId, incarnation, proof = '' }: News,
  keys: VerifiedHead['keys'],
): Promise<ProvedMember> {
  const [record = '', credential = ''] = proof.split(' ')
  // Where it is in the map does not matter here.
  const pair = { peerId, record, credential, shard: 0, v: 0 }
  const member = await verifyPair(pair, keys)
  if (member.record.incarnation !== incarnation) throw otherIncarnation(peerId, incarnation)
  return { ...member, signed: { record, credential } }
}

/** @throws MeshError unauthenticated when the proof is not of this member and incarnation */
export async function provedLeft({ peerId, incarnation, proof = '' }: News): Promise<void> {
  const farewell = await verifyFarewell(proof)
  if (farewell.peerId !== peerId || farewell.incarnation !== incarnation)
    throw otherIncarnation(peerId, incarnation)
}

const otherIncarnation = (peerId: string, incarnation: number): MeshError =>
  new MeshError(
    'unauthenticated',
    `Cannot believe news of ${peerId}: their proof is not of incarnation ${incarnation}`,
  )
