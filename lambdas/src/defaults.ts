/** Every default of the control plane: value, unit, reason. What both sides must agree on is in protocol/limits. */

const second = 1_000
const minute = 60 * second
const day = 24 * 60 * minute

/** How long directory changes can be replayed from a cursor, ms. */
export const mapLogRetentionMs = 7 * day

/** How long a removed member stays as a tombstone, ms: one day longer than any credential of it can live. */
export const tombstoneMs = 22 * day

/** How long a lease of a relay lives without a report, ms: two missed reports of 60 s and some slack. */
export const leaseMs = 150 * second

/** How long a dead lease is kept so that its relay can go on where it was, ms. */
export const leaseRetentionMs = day

/** How many agents and relays a mesh takes; every agent holds every pair (8 MB at this number). */
export const maxMembers = 5_000
