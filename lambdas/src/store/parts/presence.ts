export interface LeaseReport {
  relay: string
  /** Names one run of the relay process. */
  epoch: string
  seq: number
  up: { peerId: string; homeSeq: number }[]
  down: string[]
  /** Small JSON for dashboards; opaque here. */
  status: string
}

export interface Lease {
  relay: string
  epoch: string
  seq: number
  reportedAt: number
  expiresAt: number
  status: string
}

/** Which members are online: leases of relays and the homes that they proved. */
export interface PresenceStore {
  /**
   * Applies a report and renews the lease. An epoch begins with number 1, which ends what earlier ones held. A repeated sequence number is acknowledged and changes nothing. `up` moves
   * a member here when its homeSeq is higher than the stored one, `down` only ends what this relay holds.
   * @throws MeshError conflict with details `{ epoch, seq }` when the report does not follow the stored one
   */
  applyReport(report: LeaseReport): Promise<Lease>
  /** Leases alive now. */
  readLeases(): Promise<Lease[]>
}
