/** How long a call waits for the dial of one member while another could answer. */
import { MeshError } from '@agent-mesh/protocol'
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import type { Callee, CallTargets } from '../balance/call-targets.ts'
import { hasOther } from '../balance/choose.ts'
import type { Providers } from '../balance/directory.ts'
import type { KnownProviders } from '../balance/placed-picker.ts'
import type { Course } from './course.ts'
import { dialShareMs, minDialMs } from './defaults.ts'
import type { Plan } from './plan.ts'

/** A dial that one call has begun, and what is known of the members that it could ask instead. */
export interface Dial {
  readonly peerId: string
  readonly plan: Pick<Plan, 'deadline' | 'key'>
  readonly course: Pick<Course, 'known' | 'tried'>
  readonly service: Pick<KnownProviders, 'isBarred' | 'provider'>
  /** Monotonic ms: when it ends. */
  readonly endsAt: number
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

  /** Monotonic ms: when the dial of one member ends. While another one could answer, it gets half of the time at most. */
  endsAt({ deadline }: Plan, peerId: string, providers: Providers, now: number): number {
    if (!hasOther(providers, peerId)) return deadline
    return Math.min(deadline, now + Math.max(minDialMs, Math.min(dialShareMs, (deadline - now) / 2)))
  }

  /** Whether a call to it needs no dial. */
  readonly isAtHand = (peerId: string): boolean => this.#targets.isAtHand?.(peerId) ?? false

  /** @param endsAt of its dial, if it needs one: monotonic ms @throws MeshError as {@link CallTargets.callee} */
  callee(peerId: string, endsAt: number, signal: AbortSignal | undefined): Callee | Promise<Callee> {
    return this.#targets.callee(peerId, { deadline: endsAt, signal })
  }

  /**
   * The member at the end of the dial. Where the call could ask another one next that needs no dial, it waits for a quarter of its time:
   * the dial continues, for the calls that come after.
   * @throws MeshError as {@link CallTargets.callee}; deadline_exceeded when the wait is over
   */
  dialled(callee: Promise<Callee>, dial: Dial, now: number): Promise<Callee> {
    const { peerId, plan, endsAt } = dial
    const until = Math.min(endsAt, now + Math.max(minDialMs, (plan.deadline - now) / 4))
    if (until === endsAt || !this.#mayAskAtHand(dial, now)) return callee
    const ms = Math.round(until - now)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = this.#startTimer(ms, () =>
      reject(new MeshError('deadline_exceeded', `Cannot connect to ${peerId}: no link in ${ms} ms`)),
    )
    return Promise.race([callee, late]).finally(() => timer.cancel())
  }

  /** Whether the next try would ask a member that needs no dial. The calls of a key go where all callers agree instead. */
  #mayAskAtHand({ plan, course, service }: Dial, now: number): boolean {
    if (plan.key !== undefined) return false
    const { known, tried } = course
    return known.good.some(
      peerId =>
        !tried.has(peerId) && this.isAtHand(peerId) && !service.isBarred(service.provider(peerId), now),
    )
  }
}
