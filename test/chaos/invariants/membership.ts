/** C4, C5, C6, C9: what members believe of each other. */
import { eventsOf, type History } from '../history.ts'
import { ends, type Span, type WorldLog } from '../world-log.ts'

/** Members learn of a silent end by then, and of one whose sockets closed; a list is looked at each second, ms. */
const silentMs = 8_000
const killedMs = 3_000
const looksMs = 1_000
/** A member that answers nothing for less than this is slow, not dead, ms. */
const slowMs = 3_000
/** For so long after a fault its news may still arrive, ms. */
const newsMs = 15_000
/** News of a later life may cross the news of its end, ms. */
const crossingMs = 5_000
/** All agree by then after the last fault, and leases are true by then, ms. */
const agreeMs = 60_000
const leaseMs = 150_000

type Views = ReadonlyMap<string, ReadonlyMap<string, readonly { at: number; online: boolean }[]>>

/** For each observer and member the changes in the observer's list, in order. @param names of those that stay to the end */
function views(history: History, names: ReadonlySet<string>): Views {
  const all = new Map<string, Map<string, { at: number; online: boolean }[]>>()
  for (const { process, at, value } of eventsOf(history, 'sees')) {
    if (!names.has(value.about)) continue
    const mine = all.get(process) ?? new Map<string, { at: number; online: boolean }[]>()
    all.set(process, mine)
    mine.set(value.about, [...(mine.get(value.about) ?? []), { at, online: value.online }])
  }
  return all
}

/** C4: no member that could answer is listed offline, and each that ended is, in time. */
export function deathsAreTrue(history: History, log: WorldLog): string[] {
  const names = new Set(eventsOf(history, 'member').map(({ process }) => process))
  const seen = views(history, names)
  const members = [...seen.keys()]
  return [...falseDeaths(seen, log), ...log.spans.flatMap(span => missed(span, seen, members, log))]
}

function falseDeaths(seen: Views, log: WorldLog): string[] {
  const found: string[] = []
  for (const [observer, lists] of seen)
    for (const [about, changes] of lists)
      changes.forEach(({ at, online }, i) => {
        if (online || i === 0 || !changes[i - 1]?.online) return
        if (isExcused(about, at, log) || isExcused(observer, at, log)) return
        if (log.lateness(at - newsMs, at) > slowMs / 2) return
        found.push(`at ${at} ms ${observer} listed ${about} as offline, and it was well`)
      })
  return found
}

/** It ended, was cut off, or stood still or had no processor for longer than a slow member may, not long ago. */
const isExcused = (name: string, at: number, log: WorldLog): boolean =>
  log.of(name, at - newsMs, at, [...ends, 'cut']).length > 0 ||
  log.stood(name, at - newsMs, at) > slowMs ||
  log.of(name, at - newsMs, at, ['pause']).some(({ from, to }) => Math.min(at, to) - from > slowMs)

function missed(span: Span, seen: Views, members: readonly string[], log: WorldLog): string[] {
  const within = span.kind === 'kill' || span.kind === 'rollback' ? killedMs : silentMs
  if (!ends.includes(span.kind) && span.kind !== 'pause') return []
  const most = span.from + within + looksMs
  const due = most + log.delayed(span.from, most)
  // It may be seen from its start on: in a rollback it runs before it is over.
  if (Math.min(span.to, span.startedAt) < due + looksMs) return []
  return span.who.flatMap(about =>
    members
      .filter(
        observer =>
          observer !== about && !isExcused(observer, due, log) && log.works(observer, span.from, due),
      )
      .filter(observer => {
        const changes =
          seen
            .get(observer)
            ?.get(about)
            ?.filter(({ at }) => at <= due) ?? []
        return changes.at(-1)?.online === true
      })
      .map(
        observer =>
          `${observer} still listed ${about} as online ${due - span.from} ms after its ${span.kind}`,
      ),
  )
}

/** C5: none that ended comes back without a start, who left stays so, and incarnations only rise. */
export const nothingResurrects = (history: History, log: WorldLog): string[] => [
  ...revivals(history, log),
  ...backwards(history, log),
]

function revivals(history: History, log: WorldLog): string[] {
  const over = [...eventsOf(history, 'leave'), ...eventsOf(history, 'revoke')].filter(
    ({ type }) => type === 'ok',
  )
  return eventsOf(history, 'sees').flatMap(({ at, process, value: { about, online } }) => {
    if (!online) return []
    const isLate = (since: number) =>
      at > since + crossingMs && at > since + crossingMs + log.delayed(since, at)
    const gone = over.find(({ value, at: since }) => value.who === about && isLate(since))
    const dead = log.spans.find(
      ({ kind, who, from, startedAt }) =>
        ends.includes(kind) && who.includes(about) && at < startedAt && isLate(from),
    )
    if (gone === undefined && dead === undefined) return []
    return log.works(process, at - crossingMs, at)
      ? [`at ${at} ms ${process} listed ${about} as online again`]
      : []
  })
}

function backwards(history: History, log: WorldLog): string[] {
  const held = new Map<string, { at: number; incarnation: number }>()
  return eventsOf(history, 'holds').flatMap(({ at, process, value }) =>
    Object.entries(value.incarnations).flatMap(([peer, incarnation]) => {
      const key = `${process} ${peer}`
      const before = held.get(key)
      held.set(key, { at, incarnation })
      if (before === undefined || incarnation >= before.incarnation) return []
      const restored = log.of(process, before.at, at, ['rollback']).length > 0
      return restored
        ? []
        : [`at ${at} ms ${process} held ${peer} at ${incarnation}, after ${before.incarnation}`]
    }),
  )
}

const healedAt = (history: History): number =>
  eventsOf(history, 'phase').find(({ value }) => value.name === 'healed')?.at ?? 0

const sorted = (names: readonly string[]): string => [...names].sort().join(' ')

/** C6: a minute after the last fault all hold the same members in the same state, the control plane as well. */
export function allAgree(history: History): string[] {
  const by = healedAt(history) + agreeMs
  const finals = eventsOf(history, 'believes').filter(({ process }) => process !== 'control-plane')
  const [first] = finals
  if (first === undefined) return ['no member said what it believes']
  const text = ({ value }: typeof first) =>
    JSON.stringify([[...value.online].sort(), Object.entries(value.incarnations).sort()])
  const late = finals
    .filter(({ at }) => at > by)
    .map(({ process }) => `${process} agreed only after ${agreeMs} ms`)
  const other = finals.filter(each => text(each) !== text(first))
  return [
    ...late.slice(0, 3),
    ...other.map(({ process }) => `${process} holds other members than ${first.process}`),
  ]
}

/** C9: who is listed online is who runs, at each member and by the leases of the control plane. */
export function presenceIsTrue(history: History): string[] {
  const truth = eventsOf(history, 'runs').at(-1)?.value.who ?? []
  const by = healedAt(history) + leaseMs
  return eventsOf(history, 'believes').flatMap(({ at, process, value: { online } }) =>
    sorted(online) === sorted(truth) && at <= by
      ? []
      : [
          `${process} lists ${difference(online, truth)} at ${at - healedAt(history)} ms after the last fault`,
        ],
  )
}

function difference(listed: readonly string[], truth: readonly string[]): string {
  const more = listed.filter(name => !truth.includes(name))
  const less = truth.filter(name => !listed.includes(name))
  return `as online too many: ${more.join(' ') || 'none'}, too few: ${less.join(' ') || 'none'}`
}
