/** ms per slot of the timer wheel: a deadline fires at most this late, never early. */
export const wheelTickMs = 10

/** Slots of the wheel: one lap is 10.24 s, so the default timeout is looked at three times. A power of two. */
export const wheelSlots = 1_024

/** ms without an entry after which the wheel rests: an agent at rest is not woken 100 times a second. */
export const wheelRestMs = 200
