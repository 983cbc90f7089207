/** A real mesh with the means to attack it: listeners, an enrolled attacker, the authority's own key. */
import type { Agent } from '@agent-mesh/agent'
import {
  jwkSigner,
  parseJson,
  signRecord,
  thumbprintOf,
  type CreateTokenRequest,
  type MemberRecord,
  type PublicJwk,
} from '@agent-mesh/protocol'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { identityOf, secretOf, speakTo, type Interlocutor } from '../integration/control-plane-fixture.ts'
import { claimsOf } from './forged-jws.ts'
import { LocalMesh } from './local-mesh.ts'
import { testKey, type TestKey } from './mesh-fixture.ts'
import type { Door } from './stranger.ts'

/** A member under the control of an attacker: its key, and its credential. */
export interface Insider extends TestKey {
  credential: string
  claims: Record<string, unknown>
  record(changes?: Partial<MemberRecord>): Promise<string>
}

const keyFile = z.looseObject({
  privateJwk: z.looseObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string(),
    d: z.string(),
  }),
})

export interface AttackedMesh extends Interlocutor {
  readonly local: LocalMesh
  /** The first admin. */
  readonly admin: Awaited<ReturnType<typeof identityOf>>
  /** Enrols a key as a new member does, over HTTP. */
  insider(token?: CreateTokenRequest & { as?: string }): Promise<Insider>
  /** The key in this file of the control plane's folder: what only a stolen disk discloses. */
  stolenKey(file: 'authority-key.json' | 'root-key.json'): Promise<TestKey>
}

/** Where an agent or relay of the mesh can be dialled. */
export const doorOf = (member: Pick<Agent, 'peerId' | 'status'>): Door => ({
  peerId: member.peerId,
  addr: member.status().addrs[0] ?? '',
})

export async function attackedMesh(): Promise<AttackedMesh> {
  const local = await LocalMesh.start()
  const mesh = { local, clock: { now: Date.now }, plane: local.controlPlane } as unknown as AttackedMesh
  speakTo(mesh)
  return Object.assign(mesh, {
    admin: await identityOf(local.controlPlane.adminIdentityFile),
    insider: async ({ as = 'insider', ...token } = {}) =>
      enrolInsider(mesh, secretOf(await local.token(token)), as),
    stolenKey: file => readKey(join(local.folder, 'control-plane', file)),
  } satisfies Partial<AttackedMesh>)
}

async function enrolInsider(mesh: AttackedMesh, secret: string, name: string): Promise<Insider> {
  const key = await testKey()
  const answer = await mesh.ask(key.signer, 'POST', '/v1/enrol', { body: { secret, name } })
  if (answer.status !== 200) throw Object.assign(new Error(answer.body.detail), { answer })
  const { credential } = answer.body as { credential: string }
  const claims = claimsOf(credential)
  const serial = String(claims['serial'])
  return {
    ...key,
    credential,
    claims,
    record: changes =>
      signRecord(key.signer, {
        incarnation: Date.now(),
        addrs: ['/ip4/192.0.2.7/tcp/4001'],
        homeRelays: [],
        services: [],
        serial,
        ...changes,
      }),
  }
}

async function readKey(path: string): Promise<TestKey> {
  const { privateJwk } = parseJson(keyFile, await readFile(path, 'utf8'), `read ${path}`)
  const { kty, crv, x, d } = privateJwk
  const jwk: PublicJwk = { kty, crv, x }
  const kid = await thumbprintOf(jwk)
  return { kid, jwk, privateJwk: { kty, crv, x, d }, signer: await jwkSigner(kid, { kty, crv, x, d }) }
}
