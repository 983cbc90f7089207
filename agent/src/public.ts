/** What programs import of the published `@agent-mesh/agent`. */
export { MeshError, transferOfferSchema as transferOffer } from '@agent-mesh/protocol'
export type { ErrorCode, TransferOffer } from '@agent-mesh/protocol'
export type { Agent } from './agent/agent.ts'
export type { AskedCall } from './agent/asked-call.ts'
export type { AwaitOptions } from './agent/await-provider.ts'
export { createAgent, type AgentOptions } from './agent/create-agent.ts'
export type { DescribeOptions } from './agent/describe-service.ts'
export type { AgentEventName, AgentEvents, ListenOptions } from './agent/events/agent-events.ts'
export type { PathEvent, ReadyEvent } from './agent/events/link-changes.ts'
export type { MemberEvent, ServiceEvent } from './agent/events/online-changes.ts'
export type { PipeOptions } from './agent/pipes.ts'
export type { ServiceAgent } from './agent/service-agent.ts'
export { attach, type AttachedAgent, type AttachOptions } from './gateway/index.ts'
export type { CheckFunction, CheckLevel, CheckOptions, CheckResult, HealthReport } from './health/index.ts'
export { createLogger, type Logger, type LogLevel } from './observe/logger.ts'
export type { BlockSource } from './rpc/transfers/block-source.ts'
export type { Transfer, TransferSource, ReceiveOptions, SendOptions } from './rpc/index.ts'
export type { ExposedPort, PipeHandler, TcpTarget } from './rpc/pipes/exposed-ports.ts'
export { codec, coded, defineService, implementService, isErrorOf, serviceRef } from './services/index.ts'
export type {
  AskOptions,
  BalancePolicy,
  CallAllOptions,
  CallAllResult,
  CallAllResults,
  CallArguments,
  CallContext,
  CallEachOptions,
  CallOptions,
  Coded,
  Concurrency,
  Contracts,
  ErrorContracts,
  ErrorOf,
  Explanation,
  Handlers,
  IncomingCall,
  MethodContract,
  MethodContracts,
  MethodName,
  Middleware,
  OutgoingCall,
  ParamsOf,
  ResilienceOptions,
  ResultOf,
  ServeOptions,
  ServiceClient,
  ServiceContract,
  ServiceDefinition,
  ServiceOptions,
  ServiceStream,
  StreamOptions,
  YieldsOf,
} from './services/index.ts'
export { defineTopic, type MessageOf, type PublishedOf, type TopicContract } from './topics/contract.ts'
export type { Published, PublishOptions, SubscribeOptions } from './topics/subscribe-options.ts'
export type { Subscription, TopicMessage } from './topics/subscription.ts'
