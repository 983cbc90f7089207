export type { CallAllOptions, CallAllResult, CallAllResults } from './call-all.ts'
export type { CallContext } from './call-context.ts'
export type { Callee, CallTargets, ConnectOptions, Providers } from './call-targets.ts'
export {
  defineService,
  parseMethod,
  serviceRef,
  type MethodContract,
  type MethodContracts,
  type MethodRef,
  type ServiceContract,
} from './contract.ts'
export { implementService, type ServiceDefinition } from './definition.ts'
export { MethodLimiter, type CallLimiter, type Permit } from './call-limiter.ts'
export type { Concurrency, ServeOptions } from './concurrency.ts'
export { Dispatcher, type Authorize, type DispatcherInit } from './dispatcher.ts'
export { hostHandlers, type HostInfoInit } from './host-info.ts'
export { hostService } from './host-service.ts'
export { localCallee } from './local-callee.ts'
export type { Answer } from './attempts.ts'
export { ServiceCaller, type CallOptions, type ServiceCallerInit } from './service-caller.ts'
export { ServiceRegistry, type ServedMethod } from './service-registry.ts'
export type {
  CallArguments,
  Contracts,
  Handlers,
  MethodName,
  MethodsOf,
  ParamsOf,
  ResultOf,
} from './typed.ts'
