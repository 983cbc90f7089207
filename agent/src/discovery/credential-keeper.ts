/** Keeps the own credential: on disk, renewed from day 7 on, tried again hourly with jitter. */
import { credentialDays, verifyCredential, type CredentialClaims } from '@agent-mesh/protocol'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import { defaults } from './defaults.ts'

export interface CredentialKeeper {
  readonly jwt: string
  readonly claims: CredentialClaims
  stop(): Promise<void>
}

export interface CredentialKeeperInit {
  peerId: string
  client: Pick<ControlPlaneClient, 'renew'>
  store: MemberStore
  head: HeadKeeper
  clock: Clock
  log: Logger
  random?: () => number
}

const dayMs = 24 * 3600_000

/** Whether a credential is due for renewal. @param now unix milliseconds */
export const renewalDue = (claims: Pick<CredentialClaims, 'iat'>, now: number): boolean =>
  now >= claims.iat * 1000 + credentialDays.renewFrom * dayMs

/** @throws MeshError unauthenticated when the stored credential is not of this member and mesh */
export async function credentialKeeper(init: CredentialKeeperInit): Promise<CredentialKeeper> {
  const { peerId, client, store, head, clock, log, random = Math.random } = init
  const stopping = new AbortController()
  const read = (jwt: string) =>
    verifyCredential(jwt, { meshId: head.current.keys.meshId, keys: head.current.keys, now: 'any', peerId })
  let jwt = store.get('credential') ?? ''
  let claims = await read(jwt)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  async function renew(): Promise<void> {
    if (!renewalDue(claims, clock.now())) return
    try {
      const reply = await client.renew(stopping.signal)
      await head.accept(reply.head)
      claims = await read(reply.credential)
      jwt = reply.credential
      store.set('credential', jwt)
      log.info({ expires: claims.exp }, 'credential renewed')
    } catch (error) {
      if (!stopping.signal.aborted)
        log.warn({ err: error }, 'credential not renewed; trying again within the hour')
    }
  }

  const check = () => {
    running = renew().finally(() => {
      running = undefined
      if (!stopping.signal.aborted) timer = setTimeout(check, defaults.renewCheckMs * (0.5 + random() / 2))
    })
  }
  check()

  return {
    get jwt() {
      return jwt
    },
    get claims() {
      return claims
    },
    stop: async () => {
      stopping.abort()
      clearTimeout(timer)
      await running
    },
  }
}
