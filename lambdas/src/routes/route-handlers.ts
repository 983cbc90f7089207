/** Maps each route of the API to the domain. */
import {
  MeshError,
  type BootstrapReply,
  type createTokenRequest,
  type EnrolRequest,
  type RelayReport,
  type RevokeRequest,
  type WritePolicyRequest,
} from '@agent-mesh/protocol'
import type * as z from 'zod/mini'
import { listPage, providerPage } from '../defaults.ts'
import type { AuditQuery } from '../domain/audit-log.ts'
import type { ControlPlane } from '../domain/control-plane.ts'
import { membershipHandlers } from './membership-handlers.ts'
import { callerOf, pageOf, type RouteCall, type RouteHandler } from './route-call.ts'

const filterOf = ({ query }: RouteCall): { service?: string; region?: string } => {
  const { service, region } = query as { service?: string; region?: string }
  return { ...(service === undefined ? {} : { service }), ...(region === undefined ? {} : { region }) }
}

/** @throws MeshError invalid_argument, permission_denied for a token of another service */
function scaledService(call: RouteCall): { service: string; region?: string } {
  const { service, ...region } = filterOf(call)
  if (service === undefined)
    throw new MeshError('invalid_argument', 'Cannot read scaling signal: no service is named', {
      hint: 'Ask for /v1/scaling?service=NAME.',
    })
  const { bearerOf } = call
  if (bearerOf !== undefined && service.split('@')[0] !== bearerOf)
    throw new MeshError(
      'permission_denied',
      `Cannot read scaling signal of ${service}: the token is for ${bearerOf}`,
    )
  return { service, ...region }
}

const auditQueryOf = ({ query }: RouteCall): AuditQuery => {
  const { cursor, limit = listPage.usual, ...from } = query as { cursor?: number; limit?: number }
  return { ...from, limit, ...(cursor === undefined ? {} : { after: cursor }) }
}

/** Handlers by `METHOD path`, the path as in the route list of the protocol. */
export const routeHandlers = (plane: ControlPlane): Record<string, RouteHandler> => ({
  'GET /v1/bootstrap': async (call): Promise<BootstrapReply> => {
    const { meshId, clock, publicUrl, watchUrl } = plane.mesh
    const filter = filterOf(call)
    const { limit = providerPage.usual } = call.query as { limit?: number }
    const reply = {
      meshId,
      head: await (call.enrolled ? plane.head.signed() : plane.strangerHead.signed(filter.region)),
      serverTime: clock.now(),
      watchUrl: watchUrl ?? `${publicUrl.replace(/^http/, 'ws')}/v1/watch`,
    }
    // Members are listed only on request: they cost 60 reads, and every poll of a relay starts here.
    const asked = Object.keys(call.query).length > 0
    return call.caller === undefined || !asked
      ? reply
      : { ...reply, members: await plane.members.healthy(filter, limit) }
  },
  'POST /v1/enrol': call => plane.enrolment.enrol(call.peerId ?? '', call.body as EnrolRequest),
  'POST /v1/renew': call => plane.enrolment.renew(call.peerId ?? ''),

  'GET /v1/members': call => plane.members.list(filterOf(call), pageOf(call)),
  'GET /v1/members/{peerId}': ({ params }) => plane.members.read(params['peerId'] ?? ''),
  'PUT /v1/members/self': call =>
    plane.publishing.publish(callerOf(call), (call.body as { record: string }).record),
  'DELETE /v1/members/self': call => plane.publishing.leave(callerOf(call)),

  'GET /v1/map': async ({ query }) => {
    const page = await plane.map.page(query['since'] as string | undefined)
    return { ...page, numbers: await plane.head.numbers() }
  },
  'POST /v1/relays/self/report': call => plane.reports.apply(callerOf(call), call.body as RelayReport),
  'GET /v1/health': async ({ query }) => {
    const { history } = query as { history?: number }
    const health = await plane.health()
    return history === undefined ? health : { ...health, history: await plane.healthHistory.read(history) }
  },
  'GET /v1/scaling': call => plane.scaling.read(scaledService(call)),
  'GET /v1/policy': () => plane.policy(),
  'PUT /v1/policy': call => {
    const [request, caller] = [call.body as WritePolicyRequest, callerOf(call)]
    const { dryRun, limit = listPage.usual } = call.query as { dryRun?: boolean; limit?: number }
    return dryRun === true
      ? plane.policyWriting.dryRun(request, caller, limit)
      : plane.policyWriting.write(request, caller)
  },
  'GET /v1/revocations': () => plane.revocation.list(),
  'POST /v1/revocations': call => plane.revocation.revoke(call.body as RevokeRequest, callerOf(call).peerId),
  'POST /v1/members/{peerId}/revoke': call =>
    plane.revocation.revoke({ peerId: call.params['peerId'] ?? '' }, callerOf(call).peerId),

  ...membershipHandlers(plane),
  'GET /v1/audit': call => plane.audit.read(auditQueryOf(call)),
  ...tokenHandlers(plane),
})

const tokenHandlers = ({ callers, tokens }: ControlPlane): Record<string, RouteHandler> => ({
  'GET /v1/tokens': call => tokens.list(pageOf(call)),
  'POST /v1/tokens': async call => {
    const caller = callerOf(call)
    const request = call.body as z.output<typeof createTokenRequest>
    const { roles, tags, name } = request
    await callers.authorizeGiving(caller, { roles, tags, ...(name === undefined ? {} : { name }) })
    return tokens.create(request, caller.peerId)
  },
  'DELETE /v1/tokens/{id}': call => tokens.revoke(call.params['id'] ?? '', callerOf(call).peerId),
})
