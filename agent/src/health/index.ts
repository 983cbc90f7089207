/** Checks, readiness and recovery of a process. */
export type { CheckFunction, CheckOptions } from './check-options.ts'
export type { CheckLevel, CheckResult } from './check-state.ts'
export { Health } from './health.ts'
export { ProgramHealth, type HealthReport } from './program-health.ts'
export type { CheckReport } from './health-checks.ts'
export type { Act, RecoveryEvent, Supervisor } from '@agent-mesh/protocol/recovery'
