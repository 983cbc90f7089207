/** Source of wall-clock time, unix milliseconds; injected so that expiry can be tested. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
