/** Why a call went where it went: noted while it runs, for calls that ask for it only. */
import type { ErrorCode, MeshError } from '@agent-mesh/protocol'
import type { Candidate } from '../balance/candidates.ts'
import type { Path } from '../../transport/index.ts'

/** One member that a call asked. */
export type ExplainedTry = {
  readonly peerId: string
  readonly name?: string | undefined
  /** Of the link it was asked over; none to the own services, and where there was no link. */
  readonly path?: Path | undefined
  /** ms from the start of the call until it was chosen: planning, the tries before, and pauses. */
  readonly chosenMs: number
  /** ms until there was a link to it. */
  readonly connectMs?: number | undefined
  /** ms from the link to its answer. */
  readonly answerMs?: number | undefined
  /** Why it was asked beside the try before it; none: as the first, or after that one failed. */
  readonly beside?: Beside | undefined
  /** How it ended; none: another try answered first. */
  readonly code?: 'ok' | ErrorCode | undefined
  /** Why it failed. */
  readonly message?: string | undefined
  /** What was known of each provider when this one was chosen, 32 at most. */
  readonly candidates: ExplainedCandidate[]
}

export type ExplainedCandidate = Candidate & { readonly name?: string | undefined }

export type Explanation = {
  /** `math@2` */
  readonly service: string
  readonly tries: ExplainedTry[]
  /** ms from start to end. */
  readonly ms: number
}

/** Why a call is at two members at a time. */
export type Beside = 'silent path' | 'hedge'

type Noted = { -readonly [Key in keyof ExplainedTry]: ExplainedTry[Key] }

/** Notes of one try. */
export class TryNotes {
  readonly #noted: Noted
  readonly #now: () => number
  #at: number

  constructor(noted: Noted, now: () => number) {
    this.#noted = noted
    this.#now = now
    this.#at = now()
  }

  connected(path: Path | undefined): void {
    this.#noted.path = path
    this.#noted.connectMs = this.#elapsed()
  }

  ended(error?: MeshError): void {
    if (this.#noted.connectMs === undefined) this.#noted.connectMs = this.#elapsed()
    else this.#noted.answerMs = this.#elapsed()
    this.#noted.code = error?.code ?? 'ok'
    if (error !== undefined) this.#noted.message = error.message
  }

  /** Nothing was sent. */
  refused({ code, message }: MeshError): void {
    this.#noted.code = code
    this.#noted.message = message
  }

  #elapsed(): number {
    const before = this.#at
    this.#at = this.#now()
    return this.#at - before
  }
}

/** Takes notes of tries. */
export interface Notes {
  chose(peerId: string, candidates: Candidate[]): TryNotes
  /** Of tries beside one that is not answered yet. */
  beside(reason: Beside): Notes
}

/** Notes of one call. */
export class CallNotes implements Notes {
  readonly #service: string
  readonly #now: () => number
  readonly #startedAt: number
  readonly #tries: Noted[] = []

  /** @param now monotonic ms */
  constructor(service: string, startedAt: number, now: () => number) {
    this.#service = service
    this.#startedAt = startedAt
    this.#now = now
  }

  beside(reason: Beside): Notes {
    return {
      chose: (peerId, candidates) => this.chose(peerId, candidates, reason),
      beside: other => this.beside(other),
    }
  }

  chose(peerId: string, candidates: Candidate[], beside?: Beside): TryNotes {
    const chosenMs = this.#now() - this.#startedAt
    const noted: Noted = { peerId, chosenMs, ...(beside !== undefined && { beside }), candidates }
    this.#tries.push(noted)
    return new TryNotes(noted, this.#now)
  }

  /** @param outcome of the call */
  explanation(nameOf: (peerId: string) => string | undefined, outcome: 'ok' | ErrorCode): Explanation {
    const named = <T extends { readonly peerId: string }>(member: T) => {
      const name = nameOf(member.peerId)
      return name === undefined ? member : { ...member, name }
    }
    // The agent cancels a try once another one has answered: that was no wish of the caller.
    const outrun = ({ code }: Noted) => code === 'cancelled' && outcome !== 'cancelled'
    const tries = this.#tries.map(each => {
      const candidates = each.candidates.map(named)
      return named({ ...each, candidates, ...(outrun(each) && { code: undefined, message: undefined }) })
    })
    return { service: this.#service, tries, ms: this.#now() - this.#startedAt }
  }
}

const explained = new WeakMap<MeshError, Explanation>()

/** Why a call with `explain: true` failed; undefined for any other error. It stays in this process. */
export const explanationOf = (error: MeshError): Explanation | undefined => explained.get(error)

export function explainError(error: MeshError, explanation: Explanation): MeshError {
  explained.set(error, explanation)
  return error
}
