/**
 * How a member is enrolled: from its disk, else by a join token. Whatever can be checked without the token is
 * checked before it is redeemed, and a start that fails leaves nothing of a member behind.
 */
import { access, rm } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, parseJoinToken, toMeshError, type Signer } from '@agent-mesh/protocol'
import { timeoutSignal, timerDelay } from '@agent-mesh/protocol/timers'
import { enrol, enrolledIn, joinedWith, type ControlPlaneRef } from '../discovery/enrolment.ts'
import { diskFull } from '../membership/disk-room.ts'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'
import { checkListen } from '../transport/listen-check.ts'
import { memberDefaults } from './defaults.ts'
import { leftMesh } from './leave-mesh.ts'
import type { MemberInit } from './member-parts.ts'
import { endedError } from './membership-end.ts'
import { nameBefore, rememberWishes } from './wishes.ts'

const memberFiles = ['identity.json', 'member.db', 'member.db-wal', 'member.db-shm', 'audit.jsonl']

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/**
 * Checks of a start before anything is written.
 * @returns whether the folder holds no member yet
 * @throws MeshError unauthenticated without an enrolment and a token, token_invalid for what is no token
 */
export async function checkStart({ data, join }: MemberInit['settings']): Promise<boolean> {
  const [identity, store] = await Promise.all(
    ['identity.json', 'member.db'].map(name => exists(pathOf(data, name))),
  )
  if (store) return false
  if (join === undefined) throw await noMesh(data)
  parseJoinToken(join)
  return !identity
}

async function noMesh(data: string): Promise<MeshError> {
  const left = await leftMesh(data)
  const reason = left === undefined ? 'belongs to no mesh yet' : `left mesh ${left.meshId} at ${left.at}`
  return new MeshError('unauthenticated', `Cannot start: ${data} ${reason}`, {
    hint: 'Get a join token ("agent-mesh token create") and pass it: --join TOKEN, or join: TOKEN in a program.',
  })
}

/** Removes the files of a first start that did not join. */
export async function forgetMember(data: string): Promise<void> {
  await Promise.all(memberFiles.map(name => rm(pathOf(data, name), { force: true })))
}

export interface JoinInit extends Pick<MemberInit, 'settings' | 'log' | 'signal' | 'role'> {
  signer: Signer
  store: MemberStore
  clock: Clock
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
}

/** A failed join after which the token is certainly not used up: nothing of it need be kept. */
export class NotJoinedError extends MeshError {}

/**
 * The mesh of this member. One that is enrolled starts with that: the token it joined with is not used again, and
 * another one is tried once and not waited for.
 * @throws MeshError token_invalid, unauthenticated, unavailable, conflict when the token is of another mesh;
 * {@link NotJoinedError} when the token was not redeemed
 */
export async function joinOnce(init: JoinInit): Promise<ControlPlaneRef> {
  const { settings, store, log, signal } = init
  const known = enrolledIn(store)
  const { join: token, data } = settings
  if (token === undefined) {
    if (known === undefined) throw await noMesh(data)
    return known
  }
  if (known === undefined) return firstJoin(init, token)
  try {
    if (joinedWith(store, token)) return known
    return await redeem(init, token, limitedTo(memberDefaults.rejoinMs, signal))
  } catch (error) {
    const { code } = toMeshError(error, 'internal', 'join')
    if (code === 'revoked') throw endedError({ how: 'revoked' }, settings.name ?? init.signer.kid)
    if (code === 'conflict' || signal?.aborted === true) throw error
    log.warn(
      { event: 'token-not-redeemed', err: error },
      'join token not redeemed; this member starts with the enrolment it has',
    )
    return known
  }
}

const limitedTo = (ms: number, signal: AbortSignal | undefined): AbortSignal =>
  AbortSignal.any([timeoutSignal(ms), ...(signal === undefined ? [] : [signal])])

async function firstJoin(init: JoinInit, token: string): Promise<ControlPlaneRef> {
  const { settings, signal, store } = init
  let redeemed = false
  try {
    if (store.inMemory) throw diskFull(pathOf(settings.data, 'member.db'))
    await checkListen(settings.listen)
    return await waiting(init, () => redeem(init, token, signal, () => (redeemed = true)))
  } catch (thrown) {
    const error = toMeshError(thrown, 'internal', 'join')
    // A refusal is the answer of the control plane; what a request that was cut off did is not known.
    const refused = error.told && !error.retriable
    if (redeemed && !refused) throw error
    const { code, message, cause, hint, details, told } = error
    throw new NotJoinedError(code, message, {
      cause,
      told,
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details }),
    })
  }
}

/** Joins; with `wait` repeatedly, with growing pauses, until the control plane answers or `signal` aborts. */
async function waiting<T>(
  { settings: { wait }, log, signal, random = Math.random }: JoinInit,
  join: () => Promise<T>,
): Promise<T> {
  for (
    let pause: number = memberDefaults.joinRetryMinMs;
    ;
    pause = Math.min(pause * 2, memberDefaults.joinRetryMaxMs)
  )
    try {
      return await join()
    } catch (error) {
      const passing = error instanceof MeshError && error.retriable
      if (!wait || !passing || signal?.aborted === true) throw error
      const retryMs = Math.round(pause * (0.5 + random() / 2))
      log.warn({ event: 'join-retried', reason: error.message, retryMs }, 'not joined yet; trying again')
      await delay(timerDelay(retryMs), undefined, signal === undefined ? {} : { signal })
    }
}

async function redeem(
  { settings, signer, store, clock, log, role }: JoinInit,
  token: string,
  signal: AbortSignal | undefined,
  onRedeem: () => void = () => {},
): Promise<ControlPlaneRef> {
  const { name, region, proxy, ephemeral, data } = settings
  const asked = name ?? nameBefore(store) ?? (await nameLeft(data, token))
  const joined = await enrol({
    token,
    signer,
    store,
    clock,
    log,
    role,
    ephemeral,
    proxy,
    signal,
    onRedeem,
    ...(asked === undefined ? {} : { name: asked }),
    ...(region === undefined ? {} : { region }),
  })
  rememberWishes(store, { name, region })
  return joined
}

/** The name that this folder had in the mesh of the token when it left it. */
async function nameLeft(data: string, token: string): Promise<string | undefined> {
  const left = await leftMesh(data)
  return left?.meshId === parseJoinToken(token).meshId ? left.name : undefined
}
