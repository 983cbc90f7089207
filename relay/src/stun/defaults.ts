export const stunDefaults = {
  /** UDP port of the first socket (RFC 8489); the second is the one after it. */
  port: 3478,
  /** Requests a second that one source may make: a client asks two ports and repeats what got lost. */
  perSecond: 20,
  /** Requests at once: a household of agents behind one address that starts together. */
  burst: 100,
  /** Sources remembered; the one that was quiet for longest is forgotten first. About 200 bytes each. */
  maxSources: 4_096,
} as const
