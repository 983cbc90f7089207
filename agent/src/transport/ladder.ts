/**
 * The dial ladder as a race, free of any network: direct addresses one after the other in quick succession (RFC 8305),
 * relays after a head start or as soon as every direct attempt failed. The first link wins, the others are aborted.
 */
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { transportDefaults } from './defaults.ts'

/** Codes that a peer which was reached gave, or earned: they say more than any unreachable address. */
const answers: readonly ErrorCode[] = [
  'unauthenticated',
  'revoked',
  'unsupported',
  'clock_skew',
  'too_many_links',
]

/** One way to reach the peer. Honours its signal; a result that comes too late is handed to `discard`. */
export interface Attempt<T> {
  /** For messages. */
  name: string
  run(signal: AbortSignal): Promise<T>
}

export interface Ladder<T> {
  /** For messages: "reach db-1". */
  action: string
  direct: readonly Attempt<T>[]
  relayed: readonly Attempt<T>[]
  signal: AbortSignal
  discard: (late: T) => void
  staggerMs?: number
  directHeadStartMs?: number
  relayHeadStartMs?: number
}

/** @throws MeshError unavailable when all fail or the peer's own answer; deadline_exceeded, cancelled with the signal */
export async function climb<T>(ladder: Ladder<T>): Promise<T> {
  const { action, direct, relayed, signal } = ladder
  if (direct.length + relayed.length === 0)
    throw new MeshError('unavailable', `Cannot ${action}: it has no address and no relay`)
  const over = new AbortController()
  const raceSignal = AbortSignal.any([signal, over.signal])
  const race = new Race(ladder, raceSignal)
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(toMeshError(signal.reason, 'cancelled', action))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    const rungs = [
      race.rung(direct, ladder.staggerMs ?? transportDefaults.staggerMs),
      race.later(ladder.directHeadStartMs ?? transportDefaults.directHeadStartMs, () =>
        race.rung(relayed, ladder.relayHeadStartMs ?? transportDefaults.relayHeadStartMs),
      ),
    ]
    return await Promise.race([race.won, Promise.all(rungs).then(() => race.fail()), stopped])
  } finally {
    signal.removeEventListener('abort', onAbort)
    over.abort()
  }
}

class Race<T> {
  readonly won: Promise<T>
  readonly #win: (result: T) => void
  readonly #ladder: Ladder<T>
  readonly #signal: AbortSignal
  readonly #errors: { name: string; error: MeshError }[] = []
  /** Settles when every direct attempt failed. */
  #firstRung: Promise<void> = Promise.resolve()
  #isWon = false

  constructor(ladder: Ladder<T>, signal: AbortSignal) {
    this.#ladder = ladder
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<T>()
    this.won = promise
    this.#win = resolve
  }

  /** Runs attempts `staggerMs` apart, the next one at once when all before have failed. */
  rung(attempts: readonly Attempt<T>[], staggerMs: number): Promise<void> {
    this.#firstRung = this.#run(attempts, staggerMs)
    return this.#firstRung
  }

  async #run(attempts: readonly Attempt<T>[], staggerMs: number): Promise<void> {
    const running: Promise<void>[] = []
    for (const attempt of attempts) {
      if (this.#signal.aborted || this.#isWon) break
      running.push(this.#try(attempt))
      await pause(staggerMs, Promise.all(running), this.#signal)
    }
    await Promise.all(running)
  }

  /** Starts `next` after `ms`, or as soon as the rung before has failed. */
  async later(ms: number, next: () => Promise<void>): Promise<void> {
    await pause(ms, this.#firstRung, this.#signal)
    if (!this.#signal.aborted && !this.#isWon) await next()
  }

  async #try(attempt: Attempt<T>): Promise<void> {
    try {
      const result = await attempt.run(this.#signal)
      if (this.#isWon || this.#signal.aborted) return this.#ladder.discard(result)
      this.#isWon = true
      this.#win(result)
    } catch (error) {
      this.#errors.push({ name: attempt.name, error: toMeshError(error, 'unavailable', this.#ladder.action) })
    }
  }

  /**
   * Resolves with the winner if there is one.
   * @throws MeshError of the peer's own answer if it gave one, else unavailable; with what each attempt said
   */
  async fail(): Promise<T> {
    if (this.#isWon) return this.won
    const { action } = this.#ladder
    const told = this.#errors.find(({ error }) => answers.includes(error.code)) ?? this.#errors.at(-1)
    const code = told !== undefined && answers.includes(told.error.code) ? told.error.code : 'unavailable'
    const reason = told?.error.message.replace(/^Cannot [^:]*: /, '') ?? 'nothing was tried'
    throw new MeshError(code, `Cannot ${action}: ${reason}`, {
      cause: told?.error,
      details: { attempts: this.#errors.map(({ name, error }) => `${name}: ${error.message}`) },
    })
  }
}

/** Waits `ms`, less when `early` settles or the signal aborts. */
async function pause(ms: number, early: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const done = () => resolve()
  signal.addEventListener('abort', done, { once: true })
  if (signal.aborted) resolve()
  await Promise.race([promise, early.then(done, done)])
  clearTimeout(timer)
  signal.removeEventListener('abort', done)
}
