/** How long a call waits for the dial of one member while another could answer. */
import { MeshError } from '@agent-mesh/protocol'
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import type { Callee, CallTargets } from '../balance/call-targets.ts'
import { hasOther } from '../balance/choose.ts'
import type { Providers } from '../balance/directory.ts'
import { dialShareMs, minDialMs } from './defaults.ts'
import type { Plan } from './plan.ts'

/** Monotonic ms: until when a call waits for a link, and when its dial ends. */
export interface DialTimes {
  readonly waitsUntil: number
  readonly dialsUntil: number
}

export interface DialShareInit {
  readonly targets: Pick<CallTargets, 'callee' | 'isAtHand'>
  /** @default of the process */
  readonly startTimer?: StartTimer | undefined
}

export class DialShare {
  readonly #targets: DialShareInit['targets']
  readonly #startTimer: StartTimer

  constructor({ targets, startTimer: start = startTimer }: DialShareInit) {
    this.#targets = targets
    this.#startTimer = start
  }

  /**
   * While another member could answer, the dial of one gets half of the time. Where another one can be asked without a dial, the call
   * waits for half of that: the dial continues, for the calls that come after.
   */
  timesOf({ deadline }: Plan, peerId: string, providers: Providers, now: number): DialTimes {
    if (!hasOther(providers, peerId)) return { waitsUntil: deadline, dialsUntil: deadline }
    const left = deadline - now
    const share = Math.max(minDialMs, Math.min(dialShareMs, left / 2))
    const dialsUntil = Math.min(deadline, now + share)
    if (left / 4 >= dialShareMs || !this.#hasOtherAtHand(providers, peerId))
      return { waitsUntil: dialsUntil, dialsUntil }
    return { waitsUntil: Math.min(dialsUntil, now + Math.max(minDialMs, left / 4)), dialsUntil }
  }

  /** Whether a call to it needs no dial. */
  readonly isAtHand = (peerId: string): boolean => this.#targets.isAtHand?.(peerId) ?? false

  /** @throws MeshError as {@link CallTargets.callee}; deadline_exceeded when the wait is over */
  callee(
    peerId: string,
    { waitsUntil, dialsUntil }: DialTimes,
    signal: AbortSignal | undefined,
    now: number,
  ): Callee | Promise<Callee> {
    const callee = this.#targets.callee(peerId, { deadline: dialsUntil, signal })
    if (!(callee instanceof Promise) || waitsUntil === dialsUntil) return callee
    const ms = Math.round(waitsUntil - now)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = this.#startTimer(ms, () =>
      reject(new MeshError('deadline_exceeded', `Cannot connect to ${peerId}: no link in ${ms} ms`)),
    )
    return Promise.race([callee, late]).finally(() => timer.cancel())
  }

  #hasOtherAtHand({ good }: Providers, peerId: string): boolean {
    return !this.isAtHand(peerId) && good.some(other => other !== peerId && this.isAtHand(other))
  }
}
