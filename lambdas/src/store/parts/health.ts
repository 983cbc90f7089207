/** The health of a region at a time; the numbers are small JSON, opaque here. */
export interface HealthRollUp {
  /** Begin of the step. */
  at: number
  region: string
  document: string
}

/** The health of the mesh during the last day. */
export interface HealthStore {
  /** Those of the same time and region are replaced. */
  writeHealth(rollUps: readonly HealthRollUp[]): Promise<void>
  /** Of the last day, from `since` on, in order of time and region. */
  listHealth(since: number): Promise<HealthRollUp[]>
}
