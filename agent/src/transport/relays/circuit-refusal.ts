/** Why a relay did not open a circuit, in the words of the mesh instead of those of circuit-relay-v2. */
import { MeshError } from '@agent-mesh/protocol'

/** By the status of the HOP reply: https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md */
const reasons: Readonly<Record<string, string>> = {
  NO_RESERVATION: 'the relay holds no reservation of it',
  CONNECTION_FAILED: 'the relay cannot reach it',
  RESOURCE_LIMIT_EXCEEDED: 'the relay has no room for another circuit',
  PERMISSION_DENIED: 'the relay refuses the circuit',
}

/** @param error what dialling a circuit failed with @returns it as it is unless a relay refused */
export function circuitRefusal(error: unknown, action: string): unknown {
  if (!(error instanceof Error) || error instanceof MeshError) return error
  const status = /via relay with status ([A-Z_]+)/.exec(error.message)?.[1]
  const reason = status === undefined ? undefined : reasons[status]
  return reason === undefined
    ? error
    : new MeshError('unavailable', `Cannot ${action}: ${reason}`, { cause: error })
}
