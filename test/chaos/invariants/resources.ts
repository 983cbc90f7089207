/** C10, C12: what processes leave behind, and what they say about themselves. */
import { eventsOf, type History } from '../history.ts'
import { ends, type WorldLog } from '../world-log.ts'

/** Memory may grow so much a minute in the last minutes, MB; a shorter look shows the garbage collector alone. */
const growthMb = 1
const lookMs = 180_000
const leastLookMs = 150_000
/** Descriptors at the end beyond those at the first look: at most a link to each member, which waits to be closed as idle, and these. */
const moreFds = 16
/** From SIGTERM to the exit, ms. */
const exitMs = 15_000

/** MB a minute, by least squares. */
function slope(points: readonly { at: number; mb: number }[]): number {
  const [t, m] = [points.reduce((sum, { at }) => sum + at, 0), points.reduce((sum, { mb }) => sum + mb, 0)]
  const [meanAt, meanMb] = [t / points.length, m / points.length]
  const above = points.reduce((sum, { at, mb }) => sum + (at - meanAt) * (mb - meanMb), 0)
  const below = points.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0)
  return below === 0 ? 0 : (above / below) * 60_000
}

/** C10: memory does not grow, descriptors are given back, SIGTERM ends, nothing is left. */
export function resourcesReturn(history: History, log: WorldLog): string[] {
  const exits = eventsOf(history, 'exit').flatMap(({ process, value: { ms, how }, at }) =>
    ms > exitMs + log.delayed(at - ms, at) || how !== 'exit 0'
      ? [`${process} ended with ${how} after ${ms} ms`]
      : [],
  )
  const orphans = eventsOf(history, 'orphans').flatMap(({ value: { pids } }) =>
    pids.length > 0 ? [`processes ${pids.join(' ')} are left`] : [],
  )
  return [...exits, ...orphans, ...memory(history, log), ...descriptors(history)]
}

/**
 * Before the rolling restart, the mean of all that ran all the time: a leak shows in all of them, the garbage collector in some, and
 * a process that has just started grows.
 */
export function memoryGrowth(history: History, log: WorldLog): { mbPerMinute: number; seconds: number } {
  const rolling = eventsOf(history, 'phase').find(({ value }) => value.name === 'rolling')?.at ?? Infinity
  const usage = eventsOf(history, 'usage').filter(({ at }) => at <= rolling)
  const last = usage.at(-1)?.at ?? 0
  const processes = Map.groupBy(
    usage.filter(
      ({ at, process }) => at >= last - lookMs && log.of(process, last - lookMs, last, ends).length === 0,
    ),
    ({ process }) => process,
  )
  const slopes = [...processes.values()]
    .filter(points => points.length >= 3)
    .map(points => slope(points.map(({ at, value }) => ({ at, mb: value.rssMb }))))
  const first = usage.find(({ at }) => at >= last - lookMs)?.at ?? last
  const mbPerMinute = slopes.reduce((sum, each) => sum + each, 0) / Math.max(1, slopes.length)
  return { mbPerMinute, seconds: Math.round((last - first) / 1_000) }
}

function memory(history: History, log: WorldLog): string[] {
  const { mbPerMinute, seconds } = memoryGrowth(history, log)
  return seconds * 1_000 >= leastLookMs && mbPerMinute > growthMb
    ? [`memory grows by ${mbPerMinute.toFixed(1)} MB a minute and process, measured for ${seconds} s`]
    : []
}

function descriptors(history: History): string[] {
  const most = moreFds + eventsOf(history, 'member').length
  return [...Map.groupBy(eventsOf(history, 'usage'), ({ process }) => process)].flatMap(
    ([process, looks]) => {
      const [first, last] = [looks[0]?.value.fds ?? 0, looks.at(-1)?.value.fds ?? 0]
      return last > first + most ? [`${process} holds ${last} descriptors, ${first} at the begin`] : []
    },
  )
}

/** C12: a full disk is said, and at the end no process warns of anything. */
export function warningsAreRight(history: History, log: WorldLog): string[] {
  const warns = eventsOf(history, 'warns')
  const healed = eventsOf(history, 'phase').find(({ value }) => value.name === 'end')?.at ?? Infinity
  const unsaid = log.spans
    .filter(({ kind }) => kind === 'disk')
    .flatMap(({ who, from, to }) =>
      who.filter(
        name =>
          !warns.some(
            ({ process, at, value }) =>
              process === name && at >= from && at <= to + 5_000 && value.warnings.length > 0,
          ),
      ),
    )
  const last = new Map(
    warns.filter(({ at }) => at >= healed).map(({ process, value }) => [process, value.warnings]),
  )
  return [
    ...unsaid.map(name => `${name} did not say that its disk was full`),
    ...[...last].flatMap(([process, warnings]) =>
      warnings.length > 0 ? [`${process} still warns at the end: ${warnings.join('; ')}`] : [],
    ),
  ]
}
