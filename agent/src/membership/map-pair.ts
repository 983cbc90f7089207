/** A pair of record and credential, as the map takes it in. */
import { createHash } from 'node:crypto'
import {
  MeshError,
  verifyCredential,
  verifyRecord,
  type MapPair,
  type VerifiedHead,
} from '@agent-mesh/protocol'
import type { MapMember } from './member-index.ts'

/** An expired credential is taken too: the map is a hint, and admission looks at the time. @throws MeshError unauthenticated and others */
export async function verifyPair(pair: MapPair, keys: VerifiedHead['keys']): Promise<MapMember> {
  const check = { meshId: keys.meshId, keys, now: 'any' as const, peerId: pair.peerId }
  const credential = await verifyCredential(pair.credential, check)
  const { peerId, record } = await verifyRecord(pair.record, Infinity)
  if (peerId !== pair.peerId || record.serial !== credential.serial)
    throw new MeshError(
      'unauthenticated',
      `Cannot accept pair of ${pair.peerId}: it is put together from two`,
    )
  return { peerId, name: credential.name, credential, record }
}

/** SHA-256 of a record as it was signed, base64url. */
export const digestOf = (record: string): string => createHash('sha256').update(record).digest('base64url')
