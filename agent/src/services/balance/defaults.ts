/** Defaults of the choice among providers. Milliseconds unless said. */
export const balanceDefaults = {
  /** The providers of a service are looked at again after this, for what nothing tells: doubts that end. */
  providersMs: 1_000,
  /** Above this many (a count) they are looked at again so often at most, however much changes: 5,000 cost some ms. */
  manyProviders: 64,
  manyProvidersMs: 50,
  /** A service that nobody serves any more is expected back within this: its only provider may restart. */
  latelyMs: 10_000,
} as const
