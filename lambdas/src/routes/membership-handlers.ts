import type { AmendMembershipRequest } from '@agent-mesh/protocol'
import type { ControlPlane } from '../domain/control-plane.ts'
import type { MembershipFilter } from '../domain/membership-lists.ts'
import { callerOf, pageOf, type RouteCall, type RouteHandler } from './route-call.ts'

const filterOf = ({ query }: RouteCall): MembershipFilter => {
  const { cursor: _, limit: _l, ...filter } = query
  return filter
}

const whoOf = ({ params }: RouteCall): string => params['who'] ?? ''

/** Handlers of memberships, by `METHOD path`. */
export const membershipHandlers = ({ memberships, callers }: ControlPlane): Record<string, RouteHandler> => ({
  'GET /v1/memberships': call => memberships.list(filterOf(call), pageOf(call)),
  'GET /v1/memberships/{who}': call => memberships.show(whoOf(call)),
  'POST /v1/memberships/{who}': async call => {
    const caller = callerOf(call)
    const change = call.body as AmendMembershipRequest
    // The name of the member may have changed meanwhile.
    const { peerId } = await memberships.show(whoOf(call))
    await memberships.amend(peerId, change, caller.peerId, next => callers.authorizeGiving(caller, next))
    return memberships.show(peerId)
  },
  'DELETE /v1/memberships/{who}': call => memberships.remove(whoOf(call), callerOf(call).peerId),
  'POST /v1/leave': call => memberships.leave(callerOf(call)),
})
