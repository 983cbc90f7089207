/** What each route of the API does, in the words of the domain. */
import {
  labelField,
  MeshError,
  parse,
  peerIdField,
  serviceNameField,
  serviceRefField,
  type BootstrapReply,
  type createTokenRequest,
  type EnrolRequest,
  type RelayReport,
  type RevokeRequest,
  type WritePolicyRequest,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { listPage, providerPage } from '../defaults.ts'
import type { AuditQuery } from '../domain/audit-log.ts'
import type { Caller } from '../domain/callers.ts'
import type { ControlPlane } from '../domain/control-plane.ts'

/** A request that is authenticated and parsed as its route says. */
export interface RouteCall {
  /** The key that signed; absent on open routes. */
  peerId: string | undefined
  /** Absent on open routes and for `key`. */
  caller: Caller | undefined
  params: Record<string, string>
  query: Record<string, string>
  body: unknown
}

/** The reply; undefined is 204. */
export type RouteHandler = (call: RouteCall) => Promise<unknown>

/** The API router refuses requests without a caller; this is for the type. */
const callerOf = ({ caller }: RouteCall): Caller => {
  if (caller === undefined) throw new MeshError('unauthenticated', 'Cannot accept request: it is not signed')
  return caller
}

function filterOf({ query }: RouteCall): { service?: string; region?: string } {
  const service = z.optional(z.union([serviceNameField, serviceRefField]))
  const schema = z.object({ service, region: z.optional(labelField) })
  const { service: wanted, region } = parse(schema, query, 'read query')
  return { ...(wanted === undefined ? {} : { service: wanted }), ...(region === undefined ? {} : { region }) }
}

const limitOf = ({ query }: RouteCall, { usual, most }: { usual: number; most: number }): number => {
  const schema = z.object({ limit: z.int().check(z.minimum(1), z.maximum(most)) })
  return parse(schema, { limit: Number(query['limit'] ?? usual) }, 'read query').limit
}

const pageOf = (call: RouteCall): { cursor?: string; limit: number } => {
  const { cursor } = call.query
  return { limit: limitOf(call, listPage), ...(cursor === undefined ? {} : { cursor }) }
}

function auditQueryOf(call: RouteCall): AuditQuery {
  const number = z.optional(z.int().check(z.nonnegative()))
  const given = Object.entries(call.query).filter(([name]) => name !== 'limit')
  const names = { after: number, since: number, last: number }
  const numbers = given.map(([name, value]) => [name === 'cursor' ? 'after' : name, Number(value)])
  const query = parse(z.object(names), Object.fromEntries(numbers), 'read query')
  return { ...(query as Omit<AuditQuery, 'limit'>), limit: limitOf(call, listPage) }
}

/** Handlers by `METHOD path`, the path as in the route list of the protocol. */
export const routeHandlers = (plane: ControlPlane): Record<string, RouteHandler> => ({
  'GET /v1/bootstrap': async (call): Promise<BootstrapReply> => {
    const { meshId, clock, publicUrl, watchUrl } = plane.mesh
    const filter = filterOf(call)
    const limit = limitOf(call, providerPage)
    const reply = {
      meshId,
      head: await plane.head.signed(),
      serverTime: clock.now(),
      watchUrl: watchUrl ?? `${publicUrl.replace(/^http/, 'ws')}/v1/watch`,
    }
    // Only who asks for members is told some: they are 60 reads, and every poll of a relay begins here.
    const asked = Object.keys(call.query).length > 0
    return call.caller === undefined || !asked
      ? reply
      : { ...reply, members: await plane.members.healthy(filter, limit) }
  },
  'POST /v1/enrol': call => plane.enrolment.enrol(call.peerId ?? '', call.body as EnrolRequest),
  'POST /v1/renew': call => plane.enrolment.renew(call.peerId ?? ''),

  'GET /v1/members': call => plane.members.list(filterOf(call), pageOf(call)),
  'GET /v1/members/{peerId}': ({ params }) =>
    plane.members.read(parse(peerIdField, params['peerId'], 'read member')),
  'PUT /v1/members/self': call =>
    plane.publishing.publish(callerOf(call), (call.body as { record: string }).record),
  'DELETE /v1/members/self': call => plane.publishing.leave(callerOf(call)),

  'GET /v1/map': async ({ query }) => {
    const page = await plane.map.page(query['since'])
    return { ...page, numbers: await plane.head.numbers() }
  },
  'POST /v1/relays/self/report': call => plane.reports.apply(callerOf(call), call.body as RelayReport),
  'GET /v1/health': async ({ query }) => {
    const hours = query['history']
    if (hours === undefined) return plane.health()
    const schema = z.object({ history: z.int().check(z.minimum(1), z.maximum(24)) })
    const { history } = parse(schema, { history: Number(hours) }, 'read query')
    return { ...(await plane.health()), history: await plane.healthHistory.read(history) }
  },
  'GET /v1/policy': () => plane.policy(),
  'PUT /v1/policy': call => {
    const [request, caller] = [call.body as WritePolicyRequest, callerOf(call)]
    const dry = z.object({ dryRun: z._default(z.enum(['true', 'false']), 'false') })
    return parse(dry, call.query, 'read query').dryRun === 'true'
      ? plane.policyWriting.dryRun(request, caller, limitOf(call, listPage))
      : plane.policyWriting.write(request, caller)
  },
  'GET /v1/revocations': () => plane.revocation.list(),
  'POST /v1/revocations': call => plane.revocation.revoke(call.body as RevokeRequest, callerOf(call).peerId),
  'POST /v1/members/{peerId}/revoke': call =>
    plane.revocation.revoke(
      { peerId: parse(peerIdField, call.params['peerId'], 'revoke member') },
      callerOf(call).peerId,
    ),

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
