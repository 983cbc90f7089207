/** Middleware at the callee: after the policy and the limits, before the params are checked. */
import { MeshError } from '@agent-mesh/protocol'
import type { InboundCall } from '../../rpc/index.ts'
import type { CallContext } from '../contract/call-context.ts'
import { runServing } from '../contract/current-call.ts'
import type { IncomingCall, Steps } from '../contract/middleware.ts'

/**
 * Runs the steps as the work of this call: calls that they make are made on its behalf.
 * @param handle checks the params and runs the handler
 * @throws MeshError what a step or the handler throws; `unsupported` for a stream that a step answers without its handler
 */
export function throughSteps(
  steps: Steps<IncomingCall>,
  context: CallContext,
  call: InboundCall,
  handle: (params: unknown) => unknown,
): Promise<unknown> {
  let isHandled = false
  const last = async (params: unknown): Promise<unknown> => {
    isHandled = true
    return handle(params)
  }
  const run = () => steps.run(call.params(), params => incoming(context, params), last)
  return runServing(context, async () => {
    const result = await run()
    if (isHandled || call.stream === undefined) return result
    throw new MeshError('unsupported', `Cannot call ${context.method}: middleware answered a stream`, {
      hint: 'Call next() for streams, or throw.',
    })
  })
}

function incoming(context: CallContext, params: unknown): IncomingCall {
  const { caller, method, metadata, deadline } = context
  return {
    ...{ caller, method, params, metadata, deadline },
    get signal() {
      return context.signal
    },
    get remainingMs() {
      return context.remainingMs
    },
  }
}
