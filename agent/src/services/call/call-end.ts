/** What becomes of a call once its outcome is known. */
import { toMeshError } from '@agent-mesh/protocol'
import type { ClientSpan } from '../../observe/tracing.ts'
import type { RpcMetrics } from '../../rpc/index.ts'
import type { CallAnswer } from './call-answer.ts'
import { revokedOr } from './call-errors.ts'

/**
 * The last step of a call. It runs in the promise of the answer: a promise of its own would cost every call one. Exactly one of the two is called, once.
 */
export interface CallEnd<T> {
  /** @returns what the caller gets */
  answered(answer: CallAnswer): T
  /** @throws what the caller gets */
  failed(thrown: unknown): never
}

/** The answer as it is: of a step within a call, whose outcome is not that of the call. */
export const passOn: CallEnd<CallAnswer> = {
  answered: answer => answer,
  failed: thrown => {
    throw thrown
  },
}

/** What waited has its outcome. */
export const endOf = <T>(answer: Promise<CallAnswer>, end: CallEnd<T>): Promise<T> =>
  (end as CallEnd<unknown>) === passOn
    ? (answer as Promise<unknown> as Promise<T>)
    : answer.then(
        given => end.answered(given),
        (thrown: unknown) => end.failed(thrown),
      )

/** A call that fails before anything was asked fails as a rejection, too. */
export const failedAtOnce = async (thrown: unknown, end: CallEnd<unknown>): Promise<never> =>
  end.failed(thrown)

export interface CountedEndInit<T> {
  readonly metrics: RpcMetrics
  /** Its name in the metrics. */
  readonly method: string
  /** Monotonic ms. */
  readonly startedAt: number
  readonly now: () => number
  /** A reading of the clock that may be older than {@link now}. */
  readonly lately: () => number
  /** What of the answer is wanted. */
  readonly give: (answer: CallAnswer) => T
  /** Whether one member alone was asked: when it was revoked meanwhile, its link did not just break. */
  readonly ofOne: boolean
  readonly span: ClientSpan | undefined
}

/** Counts a call and ends its span. */
export class CountedEnd<T> implements CallEnd<T> {
  readonly #init: CountedEndInit<T>

  constructor(init: CountedEndInit<T>) {
    this.#init = init
  }

  answered(answer: CallAnswer): T {
    const { span, metrics, method, startedAt, lately, give } = this.#init
    span?.end('ok', answer)
    metrics.callEnded('caller', method, 'ok', lately() - startedAt)
    return give(answer)
  }

  /** @throws MeshError */
  failed(thrown: unknown): never {
    const { span, metrics, method, startedAt, now, ofOne } = this.#init
    const error = toMeshError(ofOne ? revokedOr(thrown) : thrown, 'internal', `call ${method}`)
    span?.end(error.code, error)
    metrics.callEnded('caller', method, error.code, now() - startedAt)
    throw error
  }
}
