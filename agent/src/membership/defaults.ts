/** Defaults of what is believed of members. Milliseconds unless said. */
export const membershipDefaults = {
  /** A member that was not reached, or fell silent, is doubted for this long; twice as long each time in a row, up to the most. */
  doubtMs: 5_000,
  doubtMostMs: 60_000,
  /** The dial of the one call that finds out whether a doubt is still right; the others doubt on meanwhile. */
  doubtAskMs: 3_000,
  /** A member that was judged dead is offline for this long at least, whatever relays report: what they do not know yet, they know by then. */
  judgedMs: 30_000,
  /** Members doubted at the same time (a count). */
  doubted: 1_024,
} as const
