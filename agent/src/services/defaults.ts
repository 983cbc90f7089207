/** Members asked at a time by `callAll`: some 130 KB of small frames in flight, few enough to time each fairly. */
export const callAllConcurrency = 64

/** Tries of one call. With the pauses below the last one starts some 4 s after the first. */
export const maxAttempts = 10

/** Tries of a call that was shed: more would feed the overload. */
export const maxOverloadedAttempts = 3

/** ms. Pause before the second try of the same member; doubles up to the most, half of it random. */
export const firstPauseMs = 50
export const mostPauseMs = 1_000
