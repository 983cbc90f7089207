import type { LinkBodies } from '../bodies/link-bodies.ts'
import type { ByteBudget } from '../byte-budget.ts'
import type { LinkLimits } from '../defaults.ts'
import type { Outbox } from '../outbox.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'
import type { StreamLinkParts } from '../streams/inbound-stream.ts'
import type { TurnQueue } from '../turn-queue.ts'
import type { InboundCall } from './inbound-request.ts'

/**
 * Serves one call: the result or a promise of it. A MeshError thrown crosses the wire as it is, `notStarted` included, anything
 * else as `internal` without its message; causes and stacks stay here.
 */
export type OnRequest = (call: InboundCall) => unknown

export interface InboundCallsInit {
  outbox: Outbox
  /** Counts the bytes of requests until their params are read. */
  budget: ByteBudget
  wheel: TimerWheel
  turns: TurnQueue
  limits: LinkLimits
  streams: StreamLinkParts
  /** Carries bodies over the limit of a frame. */
  bodies: LinkBodies
  onRequest: OnRequest
  /** No caller waits for an answer. */
  onIdle: () => void
}
