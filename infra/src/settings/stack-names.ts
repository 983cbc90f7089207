/** CloudFormation stacks of one mesh. */
export interface StackNames {
  /** Table and authority key: what a mesh is. */
  data: string
  /** APIs, Lambdas and alarms: made anew at any time. */
  controlPlane: string
  relays: string
  /** Secrets with the join tokens of the relays. */
  relayTokens: string
}

/** @param name of the control plane's stack; the others' begin with it */
export const stackNames = (name: string): StackNames => ({
  data: `${name}Data`,
  controlPlane: name,
  relays: `${name}Relays`,
  relayTokens: `${name}RelayTokens`,
})
