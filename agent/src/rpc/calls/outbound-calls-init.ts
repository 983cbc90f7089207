import type { LinkBodies } from '../bodies/link-bodies.ts'
import type { ByteBudget } from '../byte-budget.ts'
import type { LinkLimits } from '../defaults.ts'
import type { Outbox } from '../outbox.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'
import type { StreamLinkParts } from '../streams/inbound-stream.ts'

export interface OutboundCallsInit {
  outbox: Outbox
  /** While it has no room no call begins. */
  budget: ByteBudget
  wheel: TimerWheel
  limits: LinkLimits
  streams: StreamLinkParts
  /** Carries bodies over the limit of a frame. */
  bodies: LinkBodies
  /** No call waits for an answer. */
  onIdle: () => void
}
