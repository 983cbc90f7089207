/**
 * Keeps the own credential: on disk, renewed from day 7 on, tried again hourly with jitter. One that a stolen authority key
 * signed is renewed at once.
 */
import {
  credentialDays,
  kidOf,
  verifyCredential,
  type CredentialClaims,
  type KeyChain,
} from '@agent-mesh/protocol'
import { acceptUnlessOlder, type HeadKeeper } from '../membership/head-keeper.ts'
import type { MemberStore } from '../membership/member-store.ts'
import { after, type Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { Listeners } from '../core/listeners.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import { discoveryDefaults } from './defaults.ts'

export interface CredentialKeeper {
  readonly jwt: string
  readonly claims: CredentialClaims
  /** Whether the key that signed it was revoked since: members refuse this one until it is renewed. */
  readonly void: boolean
  /** Calls back when it was renewed. */
  onRenewed(listener: (renewed: { wasVoid: boolean }) => void): () => void
  /** Renews it now if it is due: the clock was set. */
  look(): void
  /** Renews it now, due or not: the mesh has another one for this member, whose claims were changed. */
  refresh(): void
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

/** Whether a credential that was verified before is void now: a stolen key signed it. */
export const signedByRevoked = (jwt: string, { authorities }: KeyChain): boolean => {
  const kid = kidOf(jwt, 'membership+jwt')
  return authorities.some(key => key.kid === kid && key.revoked)
}

/** When to look at the credential again, ms: within the hour, whatever the outcome; at once when it is void. */
export const nextLookMs = (isVoid: boolean, random: number): number =>
  (isVoid ? discoveryDefaults.renewRevokedMs : discoveryDefaults.renewCheckMs) * (0.5 + random / 2)

/** Spreads the renewals of a mesh whose authority key was revoked, ms. */
const spreadMs = (random: number): number => random * discoveryDefaults.renewRevokedMs

/** The credential on disk. @throws MeshError unauthenticated when it is not of this member and mesh */
async function storedCredential({ peerId, store, head }: CredentialKeeperInit) {
  const read = (jwt: string, keys: KeyChain) =>
    verifyCredential(jwt, { meshId: keys.meshId, keys, now: 'any', peerId })
  const { keys } = head.current
  const first = store.get('credential') ?? ''
  // A void one still identifies this member, and is renewed.
  const ever = { ...keys, keyOf: (kid: string) => keys.everKeyOf(kid) }
  const own = { jwt: first, claims: await read(first, ever) }
  return {
    own,
    isVoid: () => signedByRevoked(own.jwt, head.current.keys),
    /** False for the one that it is: issued a short time ago, there is no newer one yet. */
    replace: async (jwt: string): Promise<boolean> => {
      if (jwt === own.jwt) return false
      Object.assign(own, { jwt, claims: await read(jwt, head.current.keys) })
      store.set('credential', jwt)
      return true
    },
  }
}

const renewalListeners = (log: Logger): Listeners<{ wasVoid: boolean }> =>
  new Listeners(err => log.error({ event: 'listener-failed', err }, 'a listener of renewals failed'))

/** @throws MeshError unauthenticated when the stored credential is not of this member and mesh */
export async function credentialKeeper(init: CredentialKeeperInit): Promise<CredentialKeeper> {
  const { client, head, clock, log, random = Math.random } = init
  const stopping = new AbortController()
  const renewed = renewalListeners(log)
  const { own, isVoid, replace } = await storedCredential(init)
  let cancel = () => {}
  let running: Promise<void> | undefined
  let outdated = false

  async function renew(): Promise<void> {
    const wasVoid = isVoid()
    if (!wasVoid && !outdated && !renewalDue(own.claims, clock.now())) return
    outdated = false
    try {
      const reply = await client.renew(stopping.signal)
      await acceptUnlessOlder(head, reply.head)
      if (!(await replace(reply.credential))) return
      log.info({ event: 'credential-replaced', expires: own.claims.exp }, 'credential renewed')
      renewed.emit({ wasVoid })
    } catch (err) {
      const text = 'credential not renewed; trying again within the hour'
      if (!stopping.signal.aborted) log.warn({ event: 'credential-not-renewed', err }, text)
    }
  }

  const look = (ms: number): void => {
    cancel()
    cancel = after(clock, ms, check)
  }
  function check(): void {
    running ??= renew().finally(() => {
      running = undefined
      if (!stopping.signal.aborted) look(nextLookMs(isVoid(), random()))
    })
  }
  check()
  const lookSoon = () => isVoid() && running === undefined && look(spreadMs(random()))
  const unlisten = head.onChange(lookSoon)

  return {
    get jwt() {
      return own.jwt
    },
    get claims() {
      return own.claims
    },
    get void() {
      return isVoid()
    },
    onRenewed: listener => renewed.add(listener),
    look: () => look(0),
    refresh: () => {
      outdated = true
      look(0)
    },
    stop: async () => {
      unlisten()
      stopping.abort()
      cancel()
      await running
    },
  }
}
