/** Defaults of a network check. Milliseconds unless said. */
export const netcheckDefaults = {
  /** Relays that a network check measures (a count), nearest regions first as the head lists them. */
  relays: 12,
  /** STUN servers that it asks (a count): two show the kind of a NAT. */
  stunServers: 8,
  /** It waits for the control plane: a cold Lambda answers within. With the next: less than 5 s in all. */
  askMs: 2_400,
  /** It waits for an address: the first SYN and one repetition after 1 s. */
  reachMs: 2_000,
} as const
