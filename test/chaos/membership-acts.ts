/** Acts of an administrator while faults strike: a member is revoked, a token is redeemed by more than it admits, members leave. */
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../nat-lab/until.ts'
import { callOnce } from './calls.ts'
import type { ChaosMember, ChaosMesh } from './chaos-mesh.ts'
import { eventsOf, type Recorder } from './history.ts'
import { revokedMs } from './invariants/admission.ts'
import { pairs } from './invariants/calls.ts'

/** Uses of the token, and how many want to join with it at once. */
const uses = 2
const contestants = 3
/** The revoked member calls, and is called, so often, ms. */
const callEveryMs = 500
/** Calls each way that begin once the revocation is in force, and end (a count): as many as show that it is. */
const refusedMost = 8
/** Faults may keep the two apart for so long before the revocation, and hold calls for so long after it, ms. */
const answeredMs = 10_000
const refusedWithinMs = 40_000
/** The control plane may be down for so long, and is asked again so often, ms. */
const outageMs = 60_000
const askEveryMs = 1_000

/** Joins a member, lets it call and be called, revokes it, and goes on calling. */
export async function revokeOne(mesh: ChaosMesh, history: Recorder, ending: AbortSignal): Promise<void> {
  const revoked = await mesh.extra('revoked')
  await revoked.process.ready
  const [partner] = mesh.agents.filter(({ relayed }) => !relayed).slice(1)
  if (partner === undefined) throw new Error('Cannot call: there is no second agent')
  const stopped = new AbortController()
  const calling = callBothWays(history, revoked, partner, stopped.signal)
  await until(() => isAnsweredBothWays(history, revoked), answeredMs)
  const at = await revoke(mesh, history, revoked.name, ending)
  const isSeen = () => ending.aborted || isTriedBothWays(history, revoked, at + revokedMs)
  await until(isSeen, refusedWithinMs, callEveryMs)
  stopped.abort()
  await calling
  await mesh.end(revoked, 'SIGKILL')
  revoked.api.close()
}

const ways = ['out', 'in'] as const
const callIds = ({ name }: ChaosMember, way: (typeof ways)[number]) => `${name}-${way}-`

/** A revocation shows only with one whose calls, and calls to whom, are answered without it. */
const isAnsweredBothWays = ({ events }: Recorder, member: ChaosMember): boolean =>
  ways.every(way =>
    eventsOf(events, 'call').some(({ type, id }) => type === 'ok' && id?.startsWith(callIds(member, way))),
  )

/** Whether enough calls each way began after a time, and ended. */
function isTriedBothWays({ events }: Recorder, member: ChaosMember, from: number): boolean {
  const tried = pairs(events).filter(({ begun, ended }) => begun.at > from && ended.length > 0)
  return ways.every(
    way => tried.filter(({ begun: { id } }) => id?.startsWith(callIds(member, way))).length >= refusedMost,
  )
}

async function callBothWays(
  history: Recorder,
  a: ChaosMember,
  b: ChaosMember,
  signal: AbortSignal,
): Promise<void> {
  const running: Promise<void>[] = []
  for (let n = 0; !signal.aborted; n++) {
    running.push(callOnce(history, a, { id: `${callIds(a, 'out')}${n}`, ms: 1, idempotent: false }))
    running.push(callOnce(history, b, { id: `${callIds(a, 'in')}${n}`, ms: 1, idempotent: false }, a))
    await delay(callEveryMs, undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(running)
}

/** The control plane may be down: an outcome that is unknown is followed by another try. @returns when it was revoked, ms of the run */
async function revoke(mesh: ChaosMesh, history: Recorder, who: string, ending: AbortSignal): Promise<number> {
  const act = async () => {
    history.add<'revoke'>({ process: 'admin', op: 'revoke', type: 'invoke', value: { who } })
    const type = await mesh.admin('revoke', who, '--yes').then(
      () => 'ok' as const,
      () => 'info' as const,
    )
    history.add<'revoke'>({ process: 'admin', op: 'revoke', type, value: { who } })
    return type === 'ok' || ending.aborted
  }
  await until(act, outageMs, askEveryMs)
  return history.now
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

/** The control plane may be down. @throws the last error, once it was down for longer than any fault lasts */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  let outcome: { answer: T } | { error: unknown } | undefined
  const isAnswered = async () => {
    outcome = await ask().then(
      answer => ({ answer }),
      (error: unknown) => ({ error }),
    )
    return 'answer' in outcome
  }
  await until(isAnswered, outageMs, askEveryMs)
  if (outcome !== undefined && 'answer' in outcome) return outcome.answer
  throw new Error('Cannot ask the control plane', { cause: outcome?.error })
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
