import { verifyBody } from '@agent-mesh/protocol'
import type { Caller } from '../domain/callers.ts'
import type { ControlPlane } from '../domain/control-plane.ts'
import { limitStrangers } from './limit-strangers.ts'
import type { SourceLimit } from './source-limit.ts'

export interface WatchHandshake {
  address: string | undefined
  authorization: string | undefined
  url: URL
}

/**
 * Accepts relays as watchers, and members that the policy lets manage `admin:watch`.
 * @throws MeshError unauthenticated, revoked, permission_denied, rate_limited, clock_skew
 */
export const admitWatcher = (
  { callers }: Pick<ControlPlane, 'callers'>,
  sources: SourceLimit,
  { address, authorization, url }: WatchHandshake,
): Promise<Caller> =>
  limitStrangers(sources, { address, authorization, auth: 'member' }, async () => {
    const caller = await callers.member({ authorization, method: 'GET', url })
    await verifyBody(caller.bodyHash, new Uint8Array())
    if (!caller.roles.includes('relay')) await callers.authorize(caller, 'admin:watch')
    return { result: caller, byMember: true }
  })
