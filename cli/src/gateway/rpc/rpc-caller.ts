import { wholeRemainingMs } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'
import { createContextKey, type HandlerContext } from '@connectrpc/connect'

import type { GatewayCaller } from '../caller.ts'

/** Of an RPC: which program asks, or why it is refused. */
export const callerKey = createContextKey<GatewayCaller | MeshError>(
  new MeshError('internal', 'Cannot serve the request: its caller is unknown'),
  { description: 'caller' },
)

/** @throws MeshError why it is refused */
export function callerIn({ values }: Pick<HandlerContext, 'values'>): GatewayCaller {
  const caller = values.get(callerKey)
  if (caller instanceof MeshError) throw caller
  return caller
}

/** ms, as calls want it: whole, and at least one. */
export function timeoutIn({ timeoutMs }: Pick<HandlerContext, 'timeoutMs'>): { timeout?: number } {
  const left = timeoutMs()
  return left === undefined ? {} : { timeout: wholeRemainingMs(left, 1) }
}
