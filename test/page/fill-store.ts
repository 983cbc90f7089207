/** Members in the store of a stopped control plane: credentials of its authority and records of real keys, as if they had joined. */
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openSqliteStore } from '@agent-mesh/lambdas'
import {
  jwkSigner,
  newPrivateJwk,
  peerIdOfJwk,
  signCredential,
  signRecord,
  thumbprintOf,
  type PrivateJwk,
} from '@agent-mesh/protocol'

const hourMs = 3_600_000
const regions = ['eu-1', 'us-1', 'ap-1']

/** @param folder data folder of the control plane */
export async function fillStore(folder: string, meshId: string, count: number): Promise<void> {
  const { privateJwk } = JSON.parse(await readFile(join(folder, 'authority-key.json'), 'utf8')) as {
    privateJwk: PrivateJwk
  }
  const authority = await jwkSigner(await thumbprintOf(privateJwk), privateJwk)
  const store = openSqliteStore({ file: join(folder, 'control-plane.db') })
  try {
    const tokenHash = createHash('sha256').update(randomBytes(32)).digest('base64url')
    const token = { hash: tokenHash, roles: ['agent'], tags: ['linux'], ephemeral: false, uses: count }
    const [createdAt, expiresAt] = [Date.now(), Date.now() + 21 * 24 * hourMs]
    await store.tokens.createToken({ ...token, createdAt, createdBy: 'test', expiresAt: createdAt + hourMs })
    for (let i = 1; i <= count; i++) {
      const jwk = newPrivateJwk()
      const peerId = peerIdOfJwk(jwk)
      const member = await jwkSigner(peerId, jwk)
      const [serial, name, region] = [randomBytes(16).toString('base64url'), `node-${i}`, regions[i % 3]!]
      const iat = Math.floor(createdAt / 1_000)
      const claims = { iss: meshId, sub: peerId, serial, jti: serial, name, region, iat }
      const lifetime = { exp: Math.floor(expiresAt / 1_000), roles: ['agent'], tags: ['linux'] }
      const credential = await signCredential(authority, { ...claims, ...lifetime })
      const services = i % 5 === 0 ? ['math@2'] : []
      const addrs = ['/ip4/192.0.2.7/tcp/4001']
      const record = await signRecord(member, {
        ...{ incarnation: createdAt, addrs, homeRelays: [], region, services, serial },
      })
      const asked = { tokenHash, peerId, requestedName: name, requestedRegion: region, serial, expiresAt }
      await store.enrolments.redeem(asked)
      await store.enrolments.recordCredential({ peerId, serial, credential, expiresAt })
      const found = services.flatMap(ref => [ref, ref.split('@')[0]!])
      await store.directory.putMember({
        peerId,
        serial,
        incarnation: createdAt,
        record,
        services: found,
        region,
      })
    }
  } finally {
    await store.close()
  }
}
