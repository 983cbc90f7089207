/** C1, C2, C3, C11: what callers are promised. */
import { turnDefaults } from '@agent-mesh/agent'
import { eventsOf, type EventOf, type History } from '../history.ts'
import type { WorldLog } from '../world-log.ts'

/** A call ends by its deadline and this much more, ms. */
const slackMs = 1_000
/** A provider that was reachable for less than this before the call may not be known yet, ms. */
const knownMs = 15_000
/** What a member refuses waited in this time, ms. */
const shedMs = 1_000

type Call = EventOf<'call'>
interface Pair {
  begun: Call
  ended: Call[]
}

export function pairs(history: History): Pair[] {
  const byId = new Map<string, Pair>()
  for (const event of eventsOf(history, 'call')) {
    if (event.id === undefined) continue
    if (event.type === 'invoke') byId.set(event.id, { begun: event, ended: [] })
    else byId.get(event.id)?.ended.push(event)
  }
  return [...byId.values()]
}

const name = ({ id, process }: Call): string => `call ${id} of ${process}`

/** C1: each call ends once, by its deadline + 1 s; the time for which its caller stood still, or had no processor, does not count. */
export const callsEnd = (history: History, log: WorldLog): string[] =>
  pairs(history).flatMap(({ begun, ended: [end, ...more] }) => {
    if (end === undefined) return [`${name(begun)} did not end`]
    if (more.length > 0) return [`${name(begun)} ended ${more.length + 1} times`]
    const stood = log
      .of(begun.process, begun.at, end.at, ['pause'])
      .reduce((sum, { from, to }) => sum + Math.min(to, end.at) - Math.max(from, begun.at), 0)
    const late = log.starved(begun.process, begun.at, end.at) + log.lateness(begun.at, end.at)
    const most = begun.value.deadlineMs + slackMs + stood + late
    const took = end.at - begun.at
    return took > most
      ? [`${name(begun)} ended after ${took} ms, its deadline was ${begun.value.deadlineMs} ms`]
      : []
  })

/** C2: what is not idempotent ran at most once; what was answered ran, once. */
export function callsRunOnce(history: History): string[] {
  const times = new Map(eventsOf(history, 'ran').map(({ id, value }) => [id, value.times]))
  return pairs(history).flatMap(({ begun, ended: [end] }) => {
    const ran = times.get(begun.id) ?? 0
    if (!begun.value.idempotent && ran > 1) return [`${name(begun)} is not idempotent and ran ${ran} times`]
    return end?.type === 'ok' && ran === 0 ? [`${name(begun)} was answered and never ran`] : []
  })
}

/** C3: an idempotent call succeeds when any provider was reachable all the time until its deadline. */
export function reachableCallsSucceed(history: History, log: WorldLog): string[] {
  const agents = eventsOf(history, 'member')
    .filter(({ value }) => value.kind === 'agent')
    .map(({ process }) => process)
  return pairs(history).flatMap(({ begun, ended: [end] }) => {
    if (!begun.value.idempotent || end === undefined || end.type === 'ok') return []
    const [from, to] = [begun.at - knownMs, begun.at + begun.value.deadlineMs]
    if (log.lateness(from, to) > slackMs || isShed(begun, end, log)) return []
    const providers = begun.value.callee === undefined ? agents : [begun.value.callee]
    const near = providers.find(each => each !== begun.process && log.reaches(begun.process, each, from, to))
    return near === undefined
      ? []
      : [
          `${name(begun)} ended with ${end.value.code} at ${end.at} ms, and ${near} was reachable: ${end.value.why}`,
        ]
  })
}

/**
 * The member that a call names refused it, as it is meant to, because requests waited for longer than it lets them: for it had no
 * processor.
 */
const isShed = ({ value: { callee } }: Call, { at, value: { code } }: Call, log: WorldLog): boolean =>
  code === 'overloaded' &&
  callee !== undefined &&
  log.starved(callee, at - shedMs, at) > turnDefaults.mostWaitMs

/** A member that started may be called, ms: others learn of it, and open links, in that time. */
const reachedMs = 5_000

/** C11: while all restart one by one, no call is lost but one to a member that was not back in time for it. */
export function rollingLosesNone(history: History, log: WorldLog): string[] {
  const phases = eventsOf(history, 'phase')
  const from = phases.find(({ value }) => value.name === 'rolling')?.at ?? Infinity
  const to = phases.find(({ value }) => value.name === 'end')?.at ?? Infinity
  return pairs(history).flatMap(({ begun, ended: [end] }) =>
    begun.at >= from &&
    begun.at < to &&
    end !== undefined &&
    end.type !== 'ok' &&
    !isAway(begun, log) &&
    !isShed(begun, end, log) &&
    !hadNoProcessor(begun, end, log)
      ? [`${name(begun)} was lost in the rolling restart with ${end.value.code}: ${end.value.why}`]
      : [],
  )
}

/** Its time ran out, and for more than half of it some process could run and had no processor. */
const hadNoProcessor = ({ at, value: { deadlineMs } }: Call, end: Call, log: WorldLog): boolean =>
  end.value.code === 'deadline_exceeded' && log.delayed(at, end.at) > deadlineMs / 2

/** The member that a call names restarts, and is back too late for it, as late as the machine is. */
function isAway({ at, value: { callee, deadlineMs } }: Call, log: WorldLog): boolean {
  const due = at + deadlineMs
  const isLate = (back: number) => back + reachedMs + log.delayed(back, due) > due
  return callee !== undefined && log.of(callee, at, due, ['stop']).some(({ to }) => isLate(to))
}
