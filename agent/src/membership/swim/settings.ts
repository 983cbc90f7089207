/** Settings of failure detection. Milliseconds unless said; the presets state what differs from `edge`. */
export interface SwimSettings {
  /** A ring link is probed after this much silence where no relay watches its peer. */
  closeMs: number
  /** The same while the home relay of its peer lives: the relay probes more often. */
  restMs: number
  /** A home relay probes its agents, and relays probe each other. */
  homedMs: number
  /** A probe without an answer for this long accuses; a multiple of it while the own health is poor. */
  timeoutMs: number
  /** And for at least so many round trips (a count). */
  timeoutRtts: number
  /** Co-watchers that are asked, and accusations of others that make a suspicion as short as it gets (counts). */
  helpers: number
  confirmations: number
  /** Silence, from the probe on, before the last question: with all confirmations, and with none. */
  suspicionMinMs: number
  suspicionMaxMs: number
  /** The same where the peer's side closed its links, and other watchers saw that, too. */
  closedMs: number
  /** The answer to the last question before the verdict. */
  lastMs: number
  /** A timer later than this fired before sockets were read: what it judges is asked again. */
  lateMs: number
  /** Between two digests with a random link. */
  digestMs: number
  /** Without a relay, a random dead member is dialled this often: partitions heal by it. */
  healMs: number
  /** A watched member that others vouch for and that is not reached is dialled again after this. */
  redialMs: number
}

/**
 * `edge`: a pause of 3 s is survived (suspicionMin + last), a silent member is found in 5 s. A timeout below 250 ms would accuse
 * the network: TCP repeats a lost segment after 200 ms.
 */
const edge: SwimSettings = {
  closeMs: 1_000,
  restMs: 15_000,
  homedMs: 4_000,
  timeoutMs: 500,
  timeoutRtts: 3,
  helpers: 3,
  confirmations: 2,
  suspicionMinMs: 3_000,
  suspicionMaxMs: 9_000,
  closedMs: 750,
  lastMs: 500,
  lateMs: 20,
  digestMs: 60_000,
  healMs: 30_000,
  redialMs: 30_000,
}

/** Bytes a month are of one agent at rest: with a home relay, and without one. A probe and its answer are 248 bytes on the wire. */
export const swimPresets = {
  /** 0.46 GB, 4.0 GB. */
  edge,
  /** 0.62 GB, 7.9 GB: one site, where bytes cost nothing. */
  lan: {
    ...edge,
    closeMs: 500,
    homedMs: 2_000,
    timeoutMs: 250,
    suspicionMinMs: 1_250,
    suspicionMaxMs: 5_000,
    closedMs: 500,
    lastMs: 250,
    digestMs: 30_000,
  },
  /** 0.46 GB, 2.1 GB: other continents, satellites. */
  wan: {
    ...edge,
    closeMs: 2_000,
    timeoutMs: 1_500,
    suspicionMinMs: 5_000,
    suspicionMaxMs: 18_000,
    closedMs: 2_500,
    lastMs: 1_500,
    digestMs: 120_000,
  },
  /** 0.07 GB, 0.2 GB: a silent member is found in about a minute. */
  metered: {
    ...edge,
    closeMs: 20_000,
    restMs: 90_000,
    homedMs: 30_000,
    timeoutMs: 1_500,
    suspicionMinMs: 5_000,
    suspicionMaxMs: 18_000,
    closedMs: 2_500,
    lastMs: 1_500,
    digestMs: 600_000,
    healMs: 60_000,
  },
} as const satisfies Record<string, SwimSettings>

export type SwimPreset = keyof typeof swimPresets
