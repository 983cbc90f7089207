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
  /** Circuits that one member opens at the same time: as many as an agent may have links. */
  maxCircuitsPerMember: 128,
  /** Links: homed, standby, visitors, other relays. */
  maxLinks: 4_000,
} as const

export type CircuitLimits = { [K in keyof typeof circuitDefaults]: number }
