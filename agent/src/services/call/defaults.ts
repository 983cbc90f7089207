/** Members asked at a time by `callAll`: some 130 KB of small frames in flight, few enough to time each fairly. */
export const callAllConcurrency = 64

/** Tries of one call. With the pauses below the last one starts some 4 s after the first. */
export const maxAttempts = 10

/** Tries of a call that was shed, or is not served after all, and looks for room: more would feed the overload, or ask the whole mesh. */
export const maxRefusedAttempts = 3

/** Tries of an idempotent call: some 9 s, in which a relay restarts and its agents are back. */
export const maxIdempotentAttempts = 15

/** ms. Pause before the second try of the same member; doubles up to the most, half of it random. */
export const firstPauseMs = 50
export const mostPauseMs = 1_000

/**
 * ms. The dial of one member while another could answer: TCP, TLS and hello through a relay take < 1 s on a busy machine, one
 * lost SYN 1 s. At most half of the time that is left, but at least `minDialMs`: a tenth of a second is a link across the world.
 */
export const dialShareMs = 2_000
export const minDialMs = 250

/** ms after its first failure in which a call may begin another try: a relay that restarts has its agents back by then. */
export const retryForMs = 10_000

/** Calls that wait for the retry budget, a count: some 2 KB each. More fail at once. */
export const maxWaitingRetries = 1_000
/** ms. How often they look whether the budget allows one more. */
export const retryTurnMs = 25

/** ms that middleware has to end once its call was cancelled or is late: the errors of calls come first. */
export const middlewareGraceMs = 200
