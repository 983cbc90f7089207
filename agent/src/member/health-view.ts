/** The health of a process in the shape of the local API. */
import type { LocalAct, LocalCheck, LocalStatus } from '@agent-mesh/protocol'
import type { Health } from '../health/health.ts'
import type { Member } from './member-parts.ts'

/** @param now unix ms */
export function healthView(
  { checks, recovery }: Pick<Health, 'checks' | 'recovery'>,
  now: number,
): Pick<LocalStatus, 'ready' | 'checks' | 'acts'> {
  const reports = checks.reports()
  const view = ({ name, level, reason, forMs, damped }: (typeof reports)[number]): LocalCheck => ({
    name,
    level,
    since: Math.max(0, Math.round(now - forMs)),
    ...(reason === undefined ? {} : { reason }),
    ...(damped ? { damped } : {}),
  })
  const acts = recovery.acts().map((act): LocalAct => ({ ...act }))
  const ready = reports.every(({ level }) => level !== 'failing' && level !== 'unknown')
  return { ready, checks: reports.map(view), acts }
}

/** What this process uses, and the calls of others that run or wait here. */
export function loadView({
  health,
  serving,
  transport,
}: Pick<Member, 'health' | 'serving' | 'transport'>): NonNullable<LocalStatus['load']> {
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage()
  const links = transport.links.all().filter(({ state }) => state !== 'down')
  const calls = links.reduce((sum, link) => sum + serving.sessions.of(link).stats.inbound, 0)
  return { rssBytes, heapBytes, loopDelayMs: Math.round(health.loop.delayMs), calls }
}
