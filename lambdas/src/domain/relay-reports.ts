import { MeshError, verifyHomeClaim, type RelayReport } from '@agent-mesh/protocol'
import type { PresenceStore } from '../store/parts/presence.ts'
import type { Caller } from './callers.ts'
import type { HeadService } from './head.ts'

export interface RelayReports {
  /**
   * Renews the caller's lease and moves the agents whose claims it carries.
   * @throws MeshError permission_denied, unauthenticated, conflict with details `{ epoch, seq }`
   */
  apply(
    caller: Caller,
    report: RelayReport,
  ): Promise<{
    seq: number
    expires: number
    numbers: Awaited<ReturnType<HeadService['numbers']>>
    agentsHealth: true
  }>
}

export function relayReports(
  presence: Pick<PresenceStore, 'applyReport'>,
  head: Pick<HeadService, 'numbers'>,
): RelayReports {
  const verifiedClaim = async (relay: string, jws: string) => {
    const { peerId, homeSeq, relay: home } = await verifyHomeClaim(jws)
    if (home === relay) return { peerId, homeSeq }
    throw new MeshError('unauthenticated', `Cannot apply relay report: ${peerId} claims relay ${home}`)
  }

  return {
    apply: async (caller, { epoch, seq, up, down, load, health }) => {
      if (!caller.roles.includes('relay'))
        throw new MeshError('permission_denied', `Cannot apply relay report: ${caller.name} is no relay`)
      const relay = caller.peerId
      const lease = await presence.applyReport({
        relay,
        epoch,
        seq,
        up: await Promise.all(up.map(jws => verifiedClaim(relay, jws))),
        down,
        status: JSON.stringify({ load, health }),
      })
      return { seq: lease.seq, expires: lease.expiresAt, numbers: await head.numbers(), agentsHealth: true }
    },
  }
}
