export type { CallAllOptions, CallAllResult, CallAllResults, CallEachOptions } from './call/call-all.ts'
export type { CallContext } from './contract/call-context.ts'
export type { Callee, CallTargets, CalleeOptions } from './balance/call-targets.ts'
export type { Directory, Providers } from './balance/directory.ts'
export { Balancer } from './balance/balancer.ts'
export type { BreakerChange } from './balance/breaker.ts'
export { balancePolicies, type BalancePolicy } from './balance/policies.ts'
export type { Near } from './balance/placed-picker.ts'
export {
  resilienceOf,
  type ResilienceOptions,
  type ResilienceSettings,
  type ShedSettings,
} from './balance/resilience.ts'
export {
  checkContract,
  checkContracts,
  defineService,
  isIdempotent,
  parseMethod,
  serviceRef,
  type CacheRules,
  type Effects,
  type MethodContract,
  type MethodContracts,
  type MethodRef,
  type ServiceContract,
} from './contract/contract.ts'
export { askedService } from './contract/asked-service.ts'
export { coded, codec, encoderOf, type Coded, type Encode } from './contract/coded.ts'
export { isErrorOf, type ErrorOf } from './contract/declared-errors.ts'
export type { ErrorContracts } from './contract/error-contracts.ts'
export {
  addMiddleware,
  type IncomingCall,
  type Middleware,
  type Next,
  type OutgoingCall,
} from './contract/middleware.ts'
export { checkDefinition, implementService, type ServiceDefinition } from './contract/definition.ts'
export { ServiceLoad, type ServiceLoadReport } from './serve/service-load.ts'
export { MethodLimiter, type CallLimiter, type Permit } from './serve/call-limiter.ts'
export type { Concurrency, ServeOptions } from './contract/concurrency.ts'
export type { Authorize } from './serve/authorize.ts'
export { Dispatcher, type DispatcherInit, type HandlerFailure } from './serve/dispatcher.ts'
export { hostHandlers, type HostInfoInit } from './serve/host-info.ts'
export { hostService, type DescribedService } from './contract/host-service.ts'
export { describeServices } from './serve/describe.ts'
export { notServed } from './serve/not-served.ts'
export { Opening } from './serve/opening.ts'
export type { AnswerGuard } from './cache/answer-guard.ts'
export { CallCache } from './cache/call-cache.ts'
export { localCallee } from './call/local-callee.ts'
export type { CallAnswer } from './call/call-answer.ts'
export type { AskOptions, CallOptions, StreamOptions } from './call/call-options.ts'
export {
  explanationOf,
  type ExplainedCandidate,
  type ExplainedTry,
  type Explanation,
} from './call/explanation.ts'
export { Hedging, type HedgeWish } from './call/hedging.ts'
export type { Candidate, Rejection } from './balance/candidates.ts'
export { ServiceCaller } from './call/service-caller.ts'
export type { ServiceCallerInit } from './call/service-caller-init.ts'
export type { ServiceClient } from './call/service-client.ts'
export type { ServiceOptions } from './call/version-choice.ts'
export type { ServiceStream } from './call/service-stream.ts'
export { ServiceRegistry, type ServedMethod } from './serve/service-registry.ts'
export type {
  CallArguments,
  Contracts,
  Handlers,
  MethodName,
  MethodsOf,
  ParamsOf,
  ResultOf,
  StreamName,
  TakesOf,
  YieldsOf,
} from './contract/typed.ts'
