/** What one relay carries. Counts, unless said. */
export const circuitDefaults = {
  /** Live reservations: 1,000 homed agents, as many standbys, and room for those moving between relays. */
  maxReservations: 2_500,
  /** Agents whose home this relay is: presence reports and map pushes scale with them. */
  maxHomed: 1_000,
  /** Members without a reservation here that have circuits open to agents that do. */
  maxVisitors: 500,
  /** Circuits in all. Each may buffer a window of 256 KiB both ways, of which few are full at a time. */
  maxCircuits: 5_000,
  /** Bytes that windows may grow by, 768 KiB for each direction of a circuit: 170 fast ones, the rest have their 256 KiB. */
  windowBytes: 128 * 1024 * 1024,
  /** Circuits that one member opens at the same time: as many as an agent may have links. */
  maxCircuitsPerMember: 128,
  /** Circuits from one member to one other: one or two while links change. libp2p opens 128 STOP streams to a member at most,
   * so that without this one member could keep all others from it. */
  maxCircuitsPerPair: 8,
  /** Links: homed, standby, visitors, other relays. */
  maxLinks: 4_000,
} as const

/**
 * Streams of a member beside those of its circuits. libp2p resets one too many before a handler sees it: a member with all its
 * circuits could not renew its reservation, and one that wants more would neither hear why not nor be counted.
 */
export const hopStreamsSpare = 8

export type CircuitLimits = { [K in keyof typeof circuitDefaults]: number }

/** What members may send through one relay. Bytes and bytes per second; 0: no limit. */
export const trafficDefaults = {
  /** One member: 256 Mbit/s, more than most uplinks have; those that need more take a direct path. */
  memberBytesPerSecond: 32 * 1024 * 1024,
  /** What a member that was quiet may send at once: two seconds of its rate, so that short transfers never wait. */
  memberBurstBytes: 64 * 1024 * 1024,
  /** One member in 24 hours: its full rate for two and a quarter hours. Above it something is wrong, or a bill is due. */
  memberBytesPerDay: 256 * 1024 ** 3,
  /** All members together: what one core forwards. */
  totalBytesPerSecond: 256 * 1024 * 1024,
  totalBurstBytes: 256 * 1024 * 1024,
  /** All members in 24 hours: a tenth of what the rate allows, so that a month's traffic surprises no operator. */
  totalBytesPerDay: 2 * 1024 ** 4,
} as const

export type TrafficLimits = { [K in keyof typeof trafficDefaults]: number }
