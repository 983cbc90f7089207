import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { checkAbortable } from '../core/check-abortable.ts'
import { namesOf } from '../core/option-names.ts'
import { untilAborted } from '../core/until-aborted.ts'
import type { Member } from '../member/member.ts'
import { systemWheelClock } from '../rpc/index.ts'
import type { Link, Path } from '../transport/index.ts'
import type { Targets } from './targets.ts'

export interface PingOptions {
  /** ms. @default 5,000 */
  timeout?: number
  signal?: AbortSignal
}

const pingNames = namesOf<PingOptions>({ timeout: true, signal: true })

export interface Pinged {
  peerId: string
  name: string | undefined
  /** Of the best link. */
  path: Path
  rttMs: number
  /** Every link, best first; no round trip: no answer in time. */
  links: { path: Path; rttMs: number | undefined }[]
}

export interface PingInit {
  member: Pick<Member, 'transport' | 'serving' | 'identity'>
  targets: Pick<Targets, 'find' | 'nameOf' | 'link'>
}

/** @throws MeshError not_found, invalid_argument for this member itself, unavailable, deadline_exceeded, cancelled */
export async function pingMember(init: PingInit, peer: string, options: PingOptions): Promise<Pinged> {
  checkAbortable(options, pingNames, 'ping', peer)
  const { signal } = options
  const pinged = measured(init, peer, options)
  if (signal === undefined) return pinged
  try {
    return await untilAborted(pinged, signal)
  } catch (error) {
    if (!signal.aborted) throw error
    throw toMeshError(signal.reason, 'cancelled', `ping ${peer}`)
  }
}

async function measured(
  { member, targets }: PingInit,
  peer: string,
  { timeout = 5_000, signal }: PingOptions,
): Promise<Pinged> {
  const peerId = targets.find(peer)
  if (peerId === undefined)
    throw new MeshError('not_found', `Cannot ping ${peer}: no member has this name or peer id`, {
      hint: 'List the members with "agent-mesh peers".',
    })
  if (peerId === member.identity.peerId)
    throw new MeshError('invalid_argument', `Cannot ping ${peer}: that is this member`)
  const deadline = systemWheelClock.now() + checkDuration(timeout, `ping ${peer}`)
  const best = await targets.link(peerId, { deadline, signal })
  const left = () => Math.max(1, deadline - systemWheelClock.now())
  const measure = async (link: Link): Promise<number> =>
    (link.rttMs = await member.serving.sessions.of(link).ping(left()))
  const others = member.transport.links.of(peerId).filter(link => link !== best)
  const [rttMs, ...rest] = await Promise.all([
    measure(best),
    ...others.map(async link => measure(link).catch(() => undefined)),
  ])
  const links = [best, ...others].map(({ path }, i) => ({ path, rttMs: [rttMs, ...rest][i] }))
  return { peerId, name: targets.nameOf(peerId), path: best.path, rttMs, links }
}
