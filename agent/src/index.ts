/** The agent: what programs import, and beside it what the rooms above need. */
export * from './public.ts'
export { checkLeave, leaveMesh, type Left, type LeaveInit } from './member/leave-mesh.ts'
export { MemberFacade } from './member/member-facade.ts'
export { openMember, type Member, type MemberInit } from './member/member.ts'
export { checkNetwork, type NetworkCheckInit } from './agent/netcheck/check-network.ts'
export { findingsOf, type NetworkFinding } from './agent/netcheck/findings.ts'
export type { NetworkFacts } from './agent/netcheck/network-facts.ts'
export { checkNames } from './core/option-names.ts'
export {
  parseMemberOptions,
  throwIfCancelled,
  type MemberOptions,
  type PathChoice,
  type StartOptions,
} from './member/options.ts'
export { placedSettings } from './member/placed-settings.ts'
export { refuseEnded, type CutOff } from './member/revocations.ts'
export { WatchLinks } from './paths/watch-links.ts'
export { WatchPace, type WatchPaceInit } from './paths/watch-pace.ts'
export { controlPlaneClient, ControlPlaneClient } from './discovery/control-plane-client.ts'
export { pullMap } from './discovery/map-pull.ts'
export * from './health/index.ts'
export * from './identity/index.ts'
export * from './membership/head-keeper.ts'
export * from './membership/member-store.ts'
export * from './membership/mesh-map.ts'
export { RingOrder } from './membership/ring-order.ts'
export * from './membership/swim/index.ts'
export * from './observe/audit-files.ts'
export * from './observe/clock.ts'
export * from './observe/logger.ts'
export * from './rpc/index.ts'
export * from './services/index.ts'
export * from './transport/index.ts'
// Names that two rooms export: these are the ones.
export type { ByteStream } from './rpc/index.ts'
export type { ConnectOptions } from './transport/index.ts'
