/** The health of a member: the built-in checks of what agents and relays have in common, and what they do to recover. */
import { limits } from '@agent-mesh/protocol'
import type { CheckResult } from '../health/check-state.ts'
import { healthDefaults } from '../health/defaults.ts'
import { diskSpace } from '../health/disk-space.ts'
import { Health } from '../health/health.ts'
import { observeState } from '../observe/state-metrics.ts'
import { supervise } from '../health/supervise.ts'
import type { Member, MemberInit } from './member-parts.ts'
import type { MemberSettings } from './options.ts'
import { clockWarning, endedWarning, newestTime } from './warnings.ts'

type Parts = Pick<
  Member,
  | 'transport'
  | 'serving'
  | 'credential'
  | 'client'
  | 'head'
  | 'revocations'
  | 'store'
  | 'clock'
  | 'clockWatch'
  | 'metrics'
  | 'log'
>

const passing: CheckResult = { level: 'passing' }
const failing = (reason: string): CheckResult => ({ level: 'failing', reason })
const warning = (reason: string): CheckResult => ({ level: 'warning', reason })
const leaving: CheckResult = {
  ...failing('leaving: it finishes what runs and takes nothing new'),
  expected: true,
}

/** @returns the health, and how to stop it */
export function memberHealth(
  parts: Parts,
  { data, shed }: { data: MemberSettings['data']; shed: MemberInit['shed'] },
): { health: Health; stop: () => Promise<void> } {
  const { log, metrics, clock, serving, transport } = parts
  const health = new Health({ log, metrics, now: () => clock.now(), ...shedding(shed) })
  const { checks, beat, recovery, memory } = health
  observeState(metrics, { ...parts, checks, memory, now: () => clock.now() })
  checks.builtIn('serving', () => (serving.sessions.departing ? leaving : passing))
  checks.builtIn('credential', () => credentialCheck(parts))
  checks.builtIn('clock', () => clockCheck(parts))
  checks.builtIn('store', () => (parts.store.warning === undefined ? passing : failing(parts.store.warning)))
  checks.builtIn('disk', diskSpace({ folder: data, now: () => beat.now() }))
  checks.builtIn('control-plane', () => controlPlaneCheck(parts))
  serving.limiter.shedWhen(() => (memory.shedding ? 'its memory is nearly full' : undefined))
  const stopSupervising = supervise({ ...parts, beat, recovery, links: transport.links })
  const stop = async () => {
    stopSupervising()
    await health.stop()
  }
  return { health, stop }
}

const shedding = (shed: MemberInit['shed']) =>
  shed === undefined ? {} : { shedAbove: shed === false ? (false as const) : shed.memory }

/** Whether others admit this member. */
function credentialCheck({ revocations, credential, clock }: Parts): CheckResult {
  if (revocations.ownEnd !== undefined) return failing(endedWarning(revocations.ownEnd))
  if (revocations.own) return failing('this member was revoked: members refuse it')
  const expires = credential.claims.exp * 1000
  if (expires <= clock.now()) return failing(`the credential expired at ${new Date(expires).toISOString()}`)
  if (credential.void)
    return failing('an authority key was revoked: no member admits this one until it is renewed')
  return passing
}

/** Whether it admits others: documents of the future are refused. */
function clockCheck({ clock, client, credential, head }: Parts): CheckResult {
  const now = clock.now()
  const signedAt = newestTime({ credential, head })
  const text = clockWarning({ now, offset: client.clockOffset, signedAt })
  if (signedAt > now + limits.futureMs) return failing(text ?? 'the clock of this machine is behind')
  return text === undefined ? passing : warning(text)
}

/** The mesh works without it: only joins, renewals and admins wait. */
function controlPlaneCheck({ client, clock }: Parts): CheckResult {
  const { answers = true, since } = client.reachable ?? {}
  const ago = answers || since === undefined ? 0 : clock.monotonic() - since
  if (ago < healthDefaults.unreachableMs) return passing
  return warning(`the control plane has not answered for ${Math.round(ago / 1_000)} s`)
}
