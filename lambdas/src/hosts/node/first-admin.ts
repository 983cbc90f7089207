import { credentialDays, peerIdOfJwk, type PrivateJwk } from '@agent-mesh/protocol'
import { join } from 'node:path'
import type { ControlPlane } from '../../domain/control-plane.ts'
import { readPrivateKey, writePrivateKey } from '../../files/private-key-file.ts'

export const adminFile = 'admin-identity.json'

/** The first admin of a mesh. */
export interface FirstAdmin {
  file: string
  peerId: string
  /** Renews the credential here, beside its key, from day 7 on. */
  renewWhenDue(): Promise<void>
}

const peerIdOf = ({ kty, crv, x }: PrivateJwk): string => peerIdOfJwk({ kty, crv, x })

/** Reads the first admin's identity, or makes it and enrols it. @throws MeshError naming the file */
export async function firstAdmin(data: string, plane: ControlPlane): Promise<FirstAdmin> {
  const { store, clock } = plane.mesh
  const file = join(data, adminFile)
  const jwk =
    (await readPrivateKey(file)) ?? (await writePrivateKey(file, made => ({ peerId: peerIdOf(made) })))
  const peerId = peerIdOf(jwk)
  if ((await store.enrolments.readEnrolment(peerId)) === undefined) await enrol(plane, peerId)
  return {
    file,
    peerId,
    renewWhenDue: async () => {
      const { expiresAt = 0, revokedAt } = (await store.enrolments.readEnrolment(peerId)) ?? {}
      const dueAt = expiresAt - (credentialDays.life - credentialDays.renewFrom) * 24 * 3600_000
      if (revokedAt === undefined && clock.now() >= dueAt) await plane.enrolment.renew(peerId)
    },
  }
}

async function enrol({ tokens, enrolment }: ControlPlane, peerId: string): Promise<void> {
  const { token } = await tokens.create({ roles: ['admin'], expiresIn: 60 }, 'first start')
  const secret = token.slice(token.lastIndexOf('.') + 1)
  await enrolment.enrol(peerId, { secret, name: 'admin' })
}
