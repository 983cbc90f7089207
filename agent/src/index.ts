/** The agent: what programs and the rooms above import. */
export {
  MeshError,
  transferOfferSchema as transferOffer,
  type ErrorCode,
  type TransferOffer,
} from '@agent-mesh/protocol'
export type { Agent } from './agent/agent.ts'
export type { ServiceAgent } from './agent/service-agent.ts'
export type { AskedCall } from './agent/asked-call.ts'
export type { PipeOptions } from './agent/pipes.ts'
export type { ExposedPort, PipeHandler, TcpTarget } from './rpc/pipes/exposed-ports.ts'
export { defineTopic, type MessageOf, type PublishedOf, type TopicContract } from './topics/contract.ts'
export type { Published, PublishOptions, SubscribeOptions } from './topics/subscribe-options.ts'
export type { Subscription, TopicMessage } from './topics/subscription.ts'
export type { AwaitOptions } from './agent/await-provider.ts'
export type { DescribeOptions } from './agent/describe-service.ts'
export type { AgentEventName, AgentEvents, ListenOptions } from './agent/events/agent-events.ts'
export type { PathEvent, ReadyEvent } from './agent/events/link-changes.ts'
export type { MemberEvent, ServiceEvent } from './agent/events/online-changes.ts'
export { attach, type AttachedAgent, type AttachOptions } from './gateway/index.ts'
export { createAgent, type AgentOptions } from './agent/create-agent.ts'
export { checkLeave, leaveMesh, type Left, type LeaveInit } from './member/leave-mesh.ts'
export { MemberFacade } from './member/member-facade.ts'
export { openMember, type Member, type MemberInit } from './member/member.ts'
export { checkNetwork, type NetworkCheckInit } from './agent/netcheck/check-network.ts'
export { findingsOf, type NetworkFinding } from './agent/netcheck/findings.ts'
export type { NetworkFacts } from './agent/netcheck/network-facts.ts'
export { checkNames } from './member/option-names.ts'
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
