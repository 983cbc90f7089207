/** Every route of the control plane: read by the OpenAPI generator and by tests that compare it with what is served. */
import * as z from 'zod/mini'
import type { AdminTarget } from './admin-targets.ts'
import { auditReply } from './audit.ts'
import { bootstrapReply } from './bootstrap.ts'
import { mapReply } from './documents.ts'
import { credentialReply, enrolRequest, renewRequest } from './enrolment.ts'
import { healthReply } from './health.ts'
import {
  amendMembershipRequest,
  leaveRequest,
  membershipSchema,
  membershipsReply,
  removeMembershipReply,
} from './memberships.ts'
import { memberViewSchema, membersReply, publishReply, publishRequest } from './members.ts'
import { policyReply, writePolicyReply, writePolicyRequest } from './policy.ts'
import { integerParameter, parameters, type QuerySchema } from './query.ts'
import { relayReport, relayReportReply } from './relay-report.ts'
import { revocationsReply, revokeReply, revokeRequest } from './revocations.ts'
import { createTokenReply, createTokenRequest, tokenIdField, tokensReply } from './tokens.ts'
import { scalingReply } from './scaling.ts'
import { nameField, peerIdField, serialField } from '../fields.ts'
import { limits } from '../limits.ts'

export type ApiRoute = RouteShape &
  (
    | {
        /** `open`; `optional`: members receive more; `key`: any key signs; `member`: an enrolled one; `relay`. */
        auth: 'open' | 'optional' | 'key' | 'member' | 'relay'
        manage?: never
      }
    | {
        /** A member whom the policy lets `manage` the target. */
        auth: 'admin'
        manage: AdminTarget
      }
  )

interface RouteShape {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** With `{name}` for path parameters, each as in {@link pathParameters}. */
  path: string
  summary: string
  query?: QuerySchema
  /** A bearer token for readers of scaling signals is accepted, too: autoscalers sign no requests. */
  bearer?: true
  /** A replay within the minute in which its time is valid would do harm: it is signed with a nonce and done once. */
  nonce?: true
  request?: z.ZodMiniType
  /** The body may have `limits.requestBytes`, else `limits.smallRequestBytes`. */
  large?: true
  /** Absent: 204. */
  reply?: z.ZodMiniType
}

/** The values of `{name}` in paths. */
export const pathParameters: Readonly<Record<string, z.ZodMiniType>> = {
  peerId: peerIdField,
  id: tokenIdField,
  /** A member by name, peer id or serial. */
  who: z.union([nameField, peerIdField, serialField]),
}

const { region, service, cursor, since, dryRun, online, role } = parameters
const listed = integerParameter(1, limits.listed)

export const apiRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/bootstrap',
    summary: 'What a new member needs to know of the mesh; policy and revocations are for members only',
    auth: 'optional',
    query: { region, service, limit: integerParameter(1, limits.providers) },
    reply: bootstrapReply,
  },
  {
    method: 'POST',
    path: '/v1/enrol',
    summary: 'Redeem a join token',
    auth: 'key',
    request: enrolRequest,
    reply: credentialReply,
  },
  {
    method: 'POST',
    path: '/v1/renew',
    summary: 'Renew the credential',
    auth: 'member',
    request: renewRequest,
    reply: credentialReply,
  },
  {
    method: 'GET',
    path: '/v1/members',
    summary: 'List the members of the map, paged',
    auth: 'member',
    query: { service, region, cursor, limit: listed },
    reply: membersReply,
  },
  {
    method: 'PUT',
    path: '/v1/members/self',
    summary: 'Publish the member record of the caller',
    auth: 'member',
    request: publishRequest,
    reply: publishReply,
  },
  {
    method: 'DELETE',
    path: '/v1/members/self',
    summary: 'Remove the record of the caller from the map',
    auth: 'member',
    nonce: true,
  },
  {
    method: 'POST',
    path: '/v1/leave',
    summary: 'End the membership of the caller: record, credential and name',
    auth: 'member',
    nonce: true,
    request: leaveRequest,
  },
  {
    method: 'GET',
    path: '/v1/members/{peerId}',
    summary: 'Read one member of the map',
    auth: 'member',
    reply: memberViewSchema,
  },
  {
    method: 'GET',
    path: '/v1/map',
    summary: 'Read the changes of the map since a cursor',
    auth: 'member',
    query: { since },
    reply: mapReply,
  },
  {
    method: 'POST',
    path: '/v1/relays/self/report',
    summary: 'Report the presence of the agents that are homed at the calling relay',
    auth: 'relay',
    request: relayReport,
    large: true,
    reply: relayReportReply,
  },
  {
    method: 'GET',
    path: '/v1/health',
    summary: 'Read the health per region and service, optionally with the history of up to 24 hours',
    auth: 'member',
    query: { history: integerParameter(1, 24) },
    reply: healthReply,
  },
  {
    method: 'GET',
    path: '/v1/scaling',
    summary: 'Read how many members of a service there should be, by their load',
    auth: 'member',
    bearer: true,
    query: { service, region },
    reply: scalingReply,
  },
  {
    method: 'GET',
    path: '/v1/policy',
    summary: 'Read the policy in force',
    auth: 'member',
    reply: policyReply,
  },
  {
    method: 'GET',
    path: '/v1/revocations',
    summary: 'List revoked members and enrolments',
    auth: 'member',
    reply: revocationsReply,
  },
  {
    method: 'PUT',
    path: '/v1/policy',
    summary: 'Replace the policy; with dryRun=true only report what would change for which member',
    auth: 'admin',
    manage: 'admin:policy',
    query: { dryRun, limit: listed },
    request: writePolicyRequest,
    large: true,
    reply: writePolicyReply,
  },
  {
    method: 'POST',
    path: '/v1/members/{peerId}/revoke',
    summary: 'Revoke a member permanently',
    auth: 'admin',
    manage: 'admin:revocations',
    nonce: true,
    reply: revokeReply,
  },
  {
    method: 'POST',
    path: '/v1/revocations',
    summary: 'Revoke a member permanently, by peer id, serial or name',
    auth: 'admin',
    manage: 'admin:revocations',
    nonce: true,
    request: revokeRequest,
    reply: revokeReply,
  },
  {
    method: 'GET',
    path: '/v1/memberships',
    summary: 'List enrolled members, in the map or not, paged',
    auth: 'admin',
    manage: 'admin:members',
    query: { online, role, service, region, token: tokenIdField, cursor, limit: listed },
    reply: membershipsReply,
  },
  {
    method: 'GET',
    path: '/v1/memberships/{who}',
    summary: 'Read one membership, by name, peer id or serial',
    auth: 'admin',
    manage: 'admin:members',
    reply: membershipSchema,
  },
  {
    method: 'POST',
    path: '/v1/memberships/{who}',
    summary: 'Change name, tags or region of a member',
    auth: 'admin',
    manage: 'admin:members',
    nonce: true,
    request: amendMembershipRequest,
    reply: membershipSchema,
  },
  {
    method: 'DELETE',
    path: '/v1/memberships/{who}',
    summary: 'End a membership: the name is free, the key may join again',
    auth: 'admin',
    manage: 'admin:members',
    nonce: true,
    reply: removeMembershipReply,
  },
  {
    method: 'GET',
    path: '/v1/audit',
    summary:
      'Read the audit chain, oldest first: after an entry (cursor), since a time, or the newest entries (last)',
    auth: 'admin',
    manage: 'admin:audit',
    query: {
      cursor: integerParameter(0),
      since: integerParameter(0),
      last: integerParameter(0),
      limit: listed,
    },
    reply: auditReply,
  },
  {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'List join tokens, without their secrets',
    auth: 'admin',
    manage: 'admin:tokens',
    query: { cursor, limit: listed },
    reply: tokensReply,
  },
  {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Create a join token',
    auth: 'admin',
    manage: 'admin:tokens',
    nonce: true,
    request: createTokenRequest,
    reply: createTokenReply,
  },
  {
    method: 'DELETE',
    path: '/v1/tokens/{id}',
    summary: 'Revoke a join token',
    auth: 'admin',
    manage: 'admin:tokens',
    nonce: true,
  },
]

const withNonce = apiRoutes
  .filter(({ nonce }) => nonce)
  .map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }))

/** Whether a request is to be signed with a nonce. @param path without the base of the URL */
export const needsNonce = (method: string, path: string): boolean =>
  withNonce.some(route => route.method === method && route.pattern.test(path))
