/**
 * Names of what is logged, each with its level and its meaning; `docs/logs.md` is made from them. Programs import only the types:
 * the texts are no part of a bundle.
 */
import { callEvents } from './log-events/calls.ts'
import { controlPlaneEvents } from './log-events/control-plane.ts'
import { membershipEvents } from './log-events/membership.ts'
import { pathEvents } from './log-events/paths.ts'
import { processEvents } from './log-events/process.ts'
import type { RecoveryEvent } from './recovery.ts'

/** By the heading of their section. What a process does to recover ({@link RecoveryEvent}) comes on top, at level info. */
export const logEvents = {
  'Start, stop, health, audit, settings': processEvents,
  'Joining, credentials, records, the map, failure detection': membershipEvents,
  'Links, paths, relays': pathEvents,
  'Services, topics, tuning, the gateway': callEvents,
  'Control plane': controlPlaneEvents,
} as const

type Table = typeof processEvents &
  typeof membershipEvents &
  typeof pathEvents &
  typeof callEvents &
  typeof controlPlaneEvents

export type EventLevel = 'debug' | 'info' | 'warn' | 'error'

/** The events that are logged at `Level`. */
export type LogEvent<Level extends EventLevel> =
  | { [Name in keyof Table]: Table[Name][0] extends Level ? Name : never }[keyof Table]
  | ('info' extends Level ? RecoveryEvent : never)

/** What is logged with a text: the name of the event, and its facts. Secrets, tokens and request headers are never passed. */
export interface LogFields<Level extends EventLevel> {
  readonly event: LogEvent<Level>
  readonly [fact: string]: unknown
}

/** What the project logs to; a pino logger fits. */
export interface EventLog {
  debug(fields: LogFields<'debug'>, text: string): void
  info(fields: LogFields<'info'>, text: string): void
  warn(fields: LogFields<'warn'>, text: string): void
  error(fields: LogFields<'error'>, text: string): void
}
