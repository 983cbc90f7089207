/** Acts of an administrator while faults strike: a member is revoked, a token is redeemed by more than it admits, members leave. */
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../nat-lab/until.ts'
import { callOnce } from './calls.ts'
import type { ChaosMember, ChaosMesh } from './chaos-mesh.ts'
import { eventsOf, type Recorder } from './history.ts'

/** Uses of the token, and how many want to join with it at once. */
const uses = 2
const contestants = 3
/** Calls by the revoked member and to it go on for so long after the revocation, each so often, ms. */
const watchMs = 12_000
const callEveryMs = 500
/** Faults may keep the two apart for so long, ms. */
const answeredMs = 10_000

/** Joins a member, lets it call and be called, revokes it, and goes on calling. */
export async function revokeOne(mesh: ChaosMesh, history: Recorder, ending: AbortSignal): Promise<void> {
  const revoked = await mesh.extra('revoked')
  await revoked.process.ready
  const [partner] = mesh.agents.filter(({ relayed }) => !relayed).slice(1)
  if (partner === undefined) throw new Error('Cannot call: there is no second agent')
  const stopped = new AbortController()
  const calling = callBothWays(history, revoked, partner, stopped.signal)
  await until(() => isAnsweredBothWays(history, revoked), answeredMs)
  await retried(history, revoked.name, () => mesh.admin('revoke', revoked.name, '--yes'), ending)
  await delay(watchMs, undefined, { signal: ending }).catch(() => undefined)
  stopped.abort()
  await calling
  await mesh.end(revoked, 'SIGKILL')
  revoked.api.close()
}

/** A revocation shows only with one whose calls, and calls to whom, are answered without it. */
const isAnsweredBothWays = ({ events }: Recorder, { name }: ChaosMember): boolean =>
  ['out', 'in'].every(way =>
    eventsOf(events, 'call').some(({ type, id }) => type === 'ok' && id?.startsWith(`${name}-${way}-`)),
  )

async function callBothWays(
  history: Recorder,
  a: ChaosMember,
  b: ChaosMember,
  signal: AbortSignal,
): Promise<void> {
  const running: Promise<void>[] = []
  for (let n = 0; !signal.aborted; n++) {
    running.push(callOnce(history, a, { id: `${a.name}-out-${n}`, ms: 1, idempotent: false }))
    running.push(callOnce(history, b, { id: `${a.name}-in-${n}`, ms: 1, idempotent: false }, a))
    await delay(callEveryMs, undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(running)
}

/** The control plane may be down: an outcome that is unknown is followed by another try. */
async function retried(
  history: Recorder,
  who: string,
  act: () => Promise<unknown>,
  ending: AbortSignal,
): Promise<void> {
  for (;;) {
    history.add<'revoke'>({ process: 'admin', op: 'revoke', type: 'invoke', value: { who } })
    const type = await act().then(
      () => 'ok' as const,
      () => 'info' as const,
    )
    history.add<'revoke'>({ process: 'admin', op: 'revoke', type, value: { who } })
    if (type === 'ok' || ending.aborted) return
    await delay(1_000)
  }
}

/** More members than a token admits join with it at once; those that joined leave. */
export async function contestToken(mesh: ChaosMesh, history: Recorder): Promise<void> {
  const { id, token } = await untilAnswered(() => mesh.token('agent', uses))
  const joined = await Promise.all(
    Array.from({ length: contestants }, (_, n) => join(mesh, history, { id, token, n })),
  )
  const { left } = (await untilAnswered(() => mesh.admin('token', 'show', id))) as { left: number }
  history.add<'redeemed'>({
    process: 'admin',
    op: 'redeemed',
    type: 'info',
    id,
    value: { used: uses - left, uses },
  })
  for (const member of joined) if (member !== undefined) await leave(mesh, history, member)
}

/** The control plane may be down. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++)
    try {
      return await ask()
    } catch (error) {
      if (tries > 30) throw error
      await delay(1_000)
    }
}

async function join(
  mesh: ChaosMesh,
  history: Recorder,
  { id, token, n }: { id: string; token: string; n: number },
): Promise<ChaosMember | undefined> {
  const member = await mesh.extra(`joins-${n}`, token)
  const event = { process: member.name, op: 'join', id: `${id}/${n}`, value: { uses } } as const
  history.add<'join'>({ ...event, type: 'invoke' })
  try {
    await member.process.ready
    history.add<'join'>({ ...event, type: 'ok' })
    return member
  } catch (error) {
    const refused = error instanceof Error && /token/i.test(error.message)
    history.add<'join'>({ ...event, type: refused ? 'fail' : 'info' })
    member.api.close()
    return undefined
  }
}

async function leave(mesh: ChaosMesh, history: Recorder, member: ChaosMember): Promise<void> {
  const value = { who: member.name }
  await mesh.end(member, 'SIGTERM')
  member.api.close()
  const type = await mesh.command(member, 'leave', '--yes').then(
    () => 'ok' as const,
    () => 'info' as const,
  )
  history.add<'leave'>({ process: member.name, op: 'leave', type, value })
}
