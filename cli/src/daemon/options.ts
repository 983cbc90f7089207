/** What `up` and `relay` pass on to the member they start. */
export interface MemberFlags {
  folder: string
  join?: string
  name?: string
  region?: string
  listen: readonly string[]
  announce?: readonly string[]
  signal: AbortSignal
}
