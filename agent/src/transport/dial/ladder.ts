/**
 * The dial ladder as a race, free of any network: direct addresses one after the other in quick succession (RFC 8305),
 * relays after a head start or as soon as every direct attempt failed. The first link wins. Direct attempts continue after
 * a relay has won, since their links are better; all others are aborted, unless the peer may have its link already.
 */
import { MeshError, reasonOf, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { transportDefaults } from '../defaults.ts'

/** Codes of a peer that was reached: they say more than those of unreachable addresses. */
const answers: readonly ErrorCode[] = [
  'unauthenticated',
  'revoked',
  'unsupported',
  'clock_skew',
  'too_many_links',
]

/**
 * One way to reach the peer. Honours its signal; a late result is passed to `discard`. Says `answered` when
 * the peer is there, so that relays hold back while the handshake runs.
 */
export interface DialAttempt<T> {
  /** For messages. */
  name: string
  run(signal: AbortSignal, answered: () => void): Promise<T>
}

/** What can be tried, each kind in its order. */
export interface Ways<T> {
  direct: readonly DialAttempt<T>[]
  relayed: readonly DialAttempt<T>[]
}

export interface Ladder<T> extends Ways<T> {
  /** For messages: "reach db-1". */
  action: string
  signal: AbortSignal
  discard: (late: T) => void
  /** How one attempt ended: without an error it brought a link. */
  onTried?: (name: string, error: MeshError | undefined) => void
  /** How long a race that begins without any way waits for the first to be added. @default 0 */
  awaitWayMs?: number
  /** Receives a function that adds ways while the race runs; it has no effect after the race. */
  onBegun?: (add: (ways: Ways<T>) => void) => void
  /** Direct attempts that continue after a relay won, until they settle or `signal` aborts. Their results are kept. */
  onGoingOn?: (rest: Promise<void>) => void
  staggerMs?: number
  /** Relays wait this long for a direct address to answer at all... */
  silentHeadStartMs?: number
  /** ...and this long for one that did. */
  directHeadStartMs?: number
  relayHeadStartMs?: number
}

/** @throws MeshError unavailable when all fail or the peer's own answer; deadline_exceeded, cancelled with the signal */
export async function climb<T>(ladder: Ladder<T>): Promise<T> {
  const { action, signal } = ladder
  const race = new Race(ladder)
  ladder.onBegun?.(ways => race.add(ways))
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(toMeshError(signal.reason, 'cancelled', action))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([race.won, race.run().then(() => race.fail()), stopped])
  } finally {
    signal.removeEventListener('abort', onAbort)
    race.end()
  }
}

type Kind = 'direct' | 'relayed'

class Race<T> {
  readonly won: Promise<T>
  readonly #win: (result: T) => void
  readonly #ladder: Ladder<T>
  readonly #over: Record<Kind, AbortController> = {
    direct: new AbortController(),
    relayed: new AbortController(),
  }
  readonly #signals: Record<Kind, AbortSignal>
  readonly #errors: { name: string; error: MeshError }[] = []
  readonly #answered: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #anyWay: PromiseWithResolvers<void> = Promise.withResolvers()
  #anyAnswered = false
  #direct: Promise<unknown> = Promise.resolve()
  #relaysBegin: Promise<void> | undefined
  readonly #rungs: Promise<unknown>[] = []
  #wonBy: Kind | undefined
  #ended = false

  constructor(ladder: Ladder<T>) {
    this.#ladder = ladder
    this.#signals = {
      direct: AbortSignal.any([ladder.signal, this.#over.direct.signal]),
      relayed: AbortSignal.any([ladder.signal, this.#over.relayed.signal]),
    }
    const { promise, resolve } = Promise.withResolvers<T>()
    this.won = promise
    this.#win = resolve
  }

  /** Settles when nothing is left to try, ways added meanwhile included. */
  async run(): Promise<void> {
    this.add(this.#ladder)
    const { awaitWayMs = 0 } = this.#ladder
    if (this.#rungs.length === 0) await pause(awaitWayMs, this.#anyWay.promise, this.#signals.relayed)
    for (const rung of this.#rungs) await rung
  }

  add({ direct, relayed }: Ways<T>): void {
    if (this.#ended || direct.length + relayed.length === 0) return
    const { staggerMs, relayHeadStartMs } = this.#ladder
    const dialled = this.#rung('direct', direct, staggerMs ?? transportDefaults.staggerMs)
    this.#direct = Promise.all([this.#direct, dialled])
    this.#relaysBegin ??= this.#headStart()
    const relays = this.#relaysBegin.then(() =>
      this.#rung('relayed', relayed, relayHeadStartMs ?? transportDefaults.relayHeadStartMs),
    )
    this.#rungs.push(dialled, relays)
    this.#anyWay.resolve()
  }

  /** Until direct addresses had their chance, or all failed. */
  async #headStart(): Promise<void> {
    const { silentHeadStartMs, directHeadStartMs } = this.#ladder
    const silent = silentHeadStartMs ?? transportDefaults.silentHeadStartMs
    const answering = (directHeadStartMs ?? transportDefaults.directHeadStartMs) - silent
    const signal = this.#signals.relayed
    await pause(silent, Promise.race([this.#direct, this.#answered.promise]), signal)
    if (this.#anyAnswered) await pause(answering, this.#direct, signal)
  }

  /** Runs attempts `staggerMs` apart, the next one at once when all before have failed. */
  async #rung(kind: Kind, attempts: readonly DialAttempt<T>[], staggerMs: number): Promise<void> {
    const running: Promise<void>[] = []
    for (const attempt of attempts) {
      if (this.#signals[kind].aborted || !this.#wants(kind)) break
      running.push(this.#try(kind, attempt))
      await pause(staggerMs, Promise.all(running), this.#signals[kind])
    }
    await Promise.all(running)
  }

  /** Whether a link of this kind would still be of use. */
  #wants(kind: Kind): boolean {
    return this.#wonBy === undefined || (this.#wonBy === 'relayed' && kind === 'direct')
  }

  async #try(kind: Kind, attempt: DialAttempt<T>): Promise<void> {
    const { action, discard, onTried } = this.#ladder
    const answered = () => {
      this.#anyAnswered = true
      this.#answered.resolve()
    }
    try {
      const result = await attempt.run(this.#signals[kind], answered)
      if (this.#signals[kind].aborted || !this.#wants(kind)) return discard(result)
      const first = this.#wonBy === undefined
      this.#wonBy = kind
      onTried?.(attempt.name, undefined)
      if (first) this.#win(result)
      else this.#over.direct.abort()
    } catch (thrown) {
      const error = toMeshError(thrown, 'unavailable', action)
      this.#errors.push({ name: attempt.name, error })
      if (!this.#signals[kind].aborted) onTried?.(attempt.name, error)
    }
  }

  /** No caller waits any more: ends the attempts that are no longer useful. */
  end(): void {
    this.#ended = true
    this.#over.relayed.abort()
    if (this.#wonBy === 'relayed') this.#ladder.onGoingOn?.(this.#direct.then(() => {}))
    if (this.#wonBy !== 'relayed' || this.#ladder.onGoingOn === undefined) this.#over.direct.abort()
  }

  /**
   * Resolves with the winner if there is one.
   * @throws MeshError of the peer's own answer if it gave one, else unavailable; with what each attempt said
   */
  async fail(): Promise<T> {
    if (this.#wonBy !== undefined) return this.won
    const { action } = this.#ladder
    const told = this.#errors.find(({ error }) => answers.includes(error.code)) ?? this.#errors.at(-1)
    const code = told !== undefined && answers.includes(told.error.code) ? told.error.code : 'unavailable'
    const reason = told === undefined ? 'it has no address and no relay' : reasonOf(told.error)
    throw new MeshError(code, `Cannot ${action}: ${reason}`, {
      cause: told?.error,
      details: { attempts: this.#errors.map(({ name, error }) => `${name}: ${error.message}`) },
    })
  }
}

/** Waits `ms`, less when `early` settles or the signal aborts. */
async function pause(ms: number, early: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timerDelay(ms))
  const done = () => resolve()
  signal.addEventListener('abort', done, { once: true })
  if (signal.aborted) resolve()
  await Promise.race([promise, early.then(done, done)])
  clearTimeout(timer)
  signal.removeEventListener('abort', done)
}
