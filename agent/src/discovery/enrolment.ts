/** Joining a mesh: from a join token to a stored credential and head. */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import {
  meshIdField,
  MeshError,
  parseJoinToken,
  parseJson,
  verifyCredential,
  verifyHead,
  type Signer,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { headKeeper } from '../membership/head-keeper.ts'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { ProxyOptions } from '../transport/wires/proxy.ts'
import { controlPlaneClient } from './control-plane-client.ts'

export interface EnrolInit {
  token: string
  signer: Signer
  store: MemberStore
  clock: Clock
  log: Logger
  /** Wanted name. @default the host name */
  name?: string
  region?: string
  /** What it starts as: a token that does not give it is refused unused. */
  role?: 'agent' | 'relay'
  /** Asks to be removed from the map soon after it went offline. @default false */
  ephemeral?: boolean
  /** Through which the control plane is reached. @default none */
  proxy?: ProxyOptions | undefined
  signal?: AbortSignal | undefined
  /** Called before the token is shown to the control plane: from then on it may be used up. */
  onRedeem?: () => void
}

/** Where this member's control plane is and which mesh it is in. */
export interface ControlPlaneRef {
  url: string
  meshId: string
}

/** A host name as a member name: lower case, other characters become `-`. */
export function memberNameOf(host: string): string {
  const name = host
    .toLowerCase()
    .split('.')[0]
    ?.replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
  return name === undefined || name === '' ? 'agent' : name
}

/** The host name as a member name. */
export const ownHostName = (): string => memberNameOf(hostname())

const refSchema = z.looseObject({ url: z.url(), meshId: meshIdField })

/** The mesh this member has enrolled in before. @throws MeshError invalid_argument when what is stored is damaged */
export function enrolledIn(store: MemberStore): ControlPlaneRef | undefined {
  const stored = store.get('controlPlane')
  if (stored === undefined || store.get('credential') === undefined) return undefined
  return parseJson(refSchema, stored, 'read from member.db which mesh this is')
}

/** The stored digest of a token: enough to recognise it, not to use it. */
const digestOf = (secret: Uint8Array): string => createHash('sha256').update(secret).digest('base64url')

/** Whether this member joined with that token: redeeming it again would change nothing. @throws MeshError token_invalid */
export const joinedWith = (store: MemberStore, token: string): boolean =>
  store.get('joinedWith') === digestOf(parseJoinToken(token).secret)

/**
 * Redeems a join token. The head is verified against the mesh id of the token before anything is believed.
 * @throws MeshError token_invalid, permission_denied (not for this role), unauthenticated (the server is of another mesh), unavailable
 */
export async function enrol({
  token,
  signer,
  store,
  clock,
  log,
  name,
  region,
  role,
  ephemeral = false,
  proxy,
  signal,
  onRedeem,
}: EnrolInit): Promise<ControlPlaneRef> {
  const { url, meshId, secret } = parseJoinToken(token)
  const known = enrolledIn(store)
  if (known !== undefined && known.meshId !== meshId)
    throw new MeshError(
      'conflict',
      `Cannot join mesh ${meshId}: this data folder belongs to mesh ${known.meshId}`,
      {
        hint: 'Use another --context (or --data) for another mesh.',
      },
    )
  const client = controlPlaneClient({ url, meshId, signer, clock, proxy })
  const { head: offered } = await client.bootstrap({}, signal)
  // Kept is only what comes with the credential: strangers receive keys, but no policy and no revocations.
  await verifyHead(meshId, offered)
  const head = await headKeeper({ meshId, store, log })
  onRedeem?.()
  const request = {
    secret: Buffer.from(secret).toString('base64url'),
    name: name ?? ownHostName(),
    ...(region === undefined ? {} : { region }),
  }
  const later = { ...(role === undefined ? {} : { role }), ...(ephemeral ? { ephemeral } : {}) }
  const reply = await (Object.keys(later).length === 0
    ? client.enrol(request, signal)
    : client.enrol({ ...request, ...later }, signal).catch((error: unknown) => {
        // An earlier control plane refuses these fields.
        if (!(error instanceof MeshError) || error.code !== 'invalid_argument') throw error
        return client.enrol(request, signal)
      }))
  await head.accept(reply.head)
  const { keys } = head.current
  await verifyCredential(reply.credential, { meshId, keys, now: 'any', peerId: signer.kid })
  store.set('credential', reply.credential)
  store.set('controlPlane', JSON.stringify({ url, meshId }))
  store.set('joinedWith', digestOf(secret))
  return { url, meshId }
}
