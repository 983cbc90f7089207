import { MeshError } from '@agent-mesh/protocol/errors'

/**
 * The error for what a program passed and cannot be used.
 * @param action what it wanted: `serve math` @param reason names the value @param hint what to write
 */
export const invalidArgument = (action: string, reason: string, hint?: string): MeshError =>
  new MeshError('invalid_argument', `Cannot ${action}: ${reason}`, hint === undefined ? {} : { hint })
