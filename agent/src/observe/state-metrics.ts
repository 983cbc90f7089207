/** The state of a member as gauges: what alerts and dashboards look at. */
import { version } from '@agent-mesh/protocol'
import type { MemberMetrics } from './member-metrics.ts'

export interface ObservedState {
  readonly checks: { readonly ready: boolean }
  readonly memory: { readonly share: number }
  readonly client: { readonly reachable?: { readonly answers: boolean } | undefined }
  readonly credential: { readonly claims: { readonly exp: number } }
  /** Unix ms. */
  readonly now: () => number
}

export function observeState(
  metrics: Pick<MemberMetrics, 'gauge' | 'gauges'>,
  { checks, memory, client, credential, now }: ObservedState,
): void {
  metrics.gauge('agent_mesh_ready', '1 while no check fails', () => Number(checks.ready))
  metrics.gauge(
    'agent_mesh_memory_used_ratio',
    'Memory in use, as a share of the heap limit or of the container',
    () => memory.share,
  )
  metrics.gauge(
    'agent_mesh_control_plane_connected',
    '1 while the control plane answers; also before it was asked',
    () => Number(client.reachable?.answers ?? true),
  )
  metrics.gauge(
    'agent_mesh_credential_expires_seconds',
    'Time until the credential expires: 21 days when issued, renewed from 7 days on',
    () => credential.claims.exp - now() / 1000,
  )
  metrics.gauges('agent_mesh_release_info', '1, by the version of this process', 'version', () => [
    [version, 1],
  ])
}

/** @param linked relays through which others reach the agent now */
export function observeReach(metrics: Pick<MemberMetrics, 'gauge'>, linked: () => number): void {
  metrics.gauge(
    'agent_mesh_relays_linked',
    'Relays that others reach this agent through: home and standby are 2',
    linked,
  )
}
