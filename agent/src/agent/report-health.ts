/** Reports checks and load of an agent to its home relay, when they changed: at rest nothing is sent. */
import { limits, type HealthDigest } from '@agent-mesh/protocol'
import type { Health } from '../health/health.ts'
import type { Member } from '../member/member.ts'
import { agentDefaults } from './defaults.ts'
import type { Reachable } from './reachable.ts'

export interface ReportHealthInit {
  readonly member: Pick<Member, 'serving'> & { readonly health: Pick<Health, 'beat' | 'checks'> }
  readonly reachable: Pick<Reachable, 'healthStream'>
  /** Load is a mean over so long, ms. */
  readonly loadWindowMs: number
}

/** Follows the beat of the member's health until the member stops. */
export function reportHealth({ member, reachable, loadWindowMs }: ReportHealthInit): void {
  const { health, serving } = member
  serving.load.over(loadWindowMs)
  let sent: { digest: HealthDigest; over: object; at: number } | undefined
  health.beat.onBeat(({ now }) => {
    serving.load.look(now)
    const stream = reachable.healthStream()
    if (stream === undefined) return
    const digest = digestOf(member)
    if (sent?.over === stream && !isDue(sent, digest, now)) return
    stream.send({ type: 'health', ...digest })
    sent = { digest, over: stream, at: now }
  })
}

function digestOf({ health, serving }: ReportHealthInit['member']): HealthDigest {
  const checks = health.checks.troubles()
  return {
    serving: !serving.sessions.departing,
    ready: checks.every(([, level]) => level !== 'failing'),
    checks: checks.slice(0, limits.digestChecks),
    load: serving.load
      .reports()
      .slice(0, limits.services)
      .map(({ service, saturation, queueMs, shedPerMinute }) => [
        service,
        Math.round(saturation * 100),
        Math.round(queueMs),
        Math.round(shedPerMinute),
      ]),
  }
}

/** What changes the choice of others is sent at once, load that moved a little later. */
function isDue(
  { digest: before, at }: { digest: HealthDigest; at: number },
  digest: HealthDigest,
  now: number,
): boolean {
  const known = ({ load, ...rest }: HealthDigest) => JSON.stringify([rest, load.map(([service]) => service)])
  if (known(before) !== known(digest)) return true
  if (now - at < agentDefaults.loadReportMs) return false
  return digest.load.some(([, percent, , shed], place) => {
    const [, percentBefore = 0, , shedBefore = 0] = before.load[place] ?? []
    return Math.abs(percent - percentBefore) >= agentDefaults.loadReportPercent || shed > 0 !== shedBefore > 0
  })
}
