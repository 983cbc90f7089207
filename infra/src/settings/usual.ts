/** Defaults of settings and of the constructs' props, with their units in the names; docs/deploy-aws.md describes each. */
export const usual = {
  maxMembers: 5_000,
  requestRate: 500,
  requestBurst: 1_000,
  sweepMinutes: 10,
  healthSeconds: 60,
  retentionDays: 30,
  /** The quota of a new account. */
  accountConcurrency: 1_000,
  relayInstanceType: 't4g.micro',
} as const
