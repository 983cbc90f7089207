/** Client of the control plane API. Every method throws MeshError: the server's code, or `unavailable`. */
import {
  auditReply,
  bootstrapReply,
  createTokenReply,
  credentialReply,
  healthReply,
  mapReply,
  membersReply,
  membershipSchema,
  membershipsReply,
  memberViewSchema,
  policyReply,
  publishReply,
  relayReportReply,
  scalingReply,
  removeMembershipReply,
  revocationsReply,
  revokeReply,
  tokensReply,
  writePolicyReply,
  type AmendMembershipRequest,
  type CreateTokenRequest,
  type EnrolRequest,
  type RelayReport,
  type RevokeRequest,
  type Signer,
  type WritePolicyRequest,
} from '@agent-mesh/protocol'
import type * as z from 'zod/mini'
import { systemClock, type Clock } from '../observe/clock.ts'
import { Proxy, type ProxyOptions } from '../transport/wires/proxy.ts'
import type { AskingPace } from './asking-pace.ts'
import type { Reachable } from './reachability.ts'
import { SignedHttp, type HttpCall } from './signed-http.ts'

export interface ControlPlaneClientInit {
  /** Base URL, as the join token has it. */
  url: string
  meshId: string
  /** Signs the requests; without it only {@link ControlPlaneClient.bootstrap} works. */
  signer?: Signer
  clock?: Clock
  /** Through which it is reached. @default none */
  proxy?: ProxyOptions | undefined
  /** Of a member that runs: what it asks by itself waits while its membership is ended. @default never */
  pace?: AskingPace
}

/** Which memberships are listed. */
export interface MembershipQuery extends Record<string, string | undefined> {
  /** `true` or `false`. */
  online?: string
  role?: string
  /** With or without version. */
  service?: string
  region?: string
  /** Id of the token that they joined with. */
  token?: string
  cursor?: string
}

const membershipPath = (who: string): string => `/v1/memberships/${encodeURIComponent(who)}`

export const controlPlaneClient = (init: ControlPlaneClientInit): ControlPlaneClient =>
  new ControlPlaneClient(init)

export class ControlPlaneClient {
  readonly url: string
  readonly meshId: string
  readonly #http: SignedHttp
  readonly #pace: AskingPace | undefined

  constructor({ url, meshId, signer, clock = systemClock, proxy, pace }: ControlPlaneClientInit) {
    this.url = url
    this.meshId = meshId
    this.#pace = pace
    this.#http = new SignedHttp({ url, meshId, signer, clock, proxy: proxy && new Proxy(proxy) })
  }

  /** Whether it answers, by the request that ended last; undefined before the first. */
  get reachable(): Reachable | undefined {
    return this.#http.reachability.last
  }

  /** Time of the control plane minus that of this machine, ms; 0 until the control plane refused a request for it. */
  get clockOffset(): number {
    return this.#http.clockOffset
  }

  /**
   * Not verified: the caller checks the head against the mesh id. It is whole for members only. While nothing changed it is the
   * reply of before, up to 10 min old, `serverTime` too.
   */
  async bootstrap(query: { region?: string; service?: string } = {}, signal?: AbortSignal) {
    const polled = Object.keys(query).length === 0
    await this.#pace?.turn(signal)
    return this.#http.ask({
      method: 'GET',
      path: '/v1/bootstrap',
      query,
      reply: bootstrapReply,
      signal,
      polled,
    })
  }

  enrol(body: EnrolRequest, signal?: AbortSignal) {
    return this.#http.ask({ method: 'POST', path: '/v1/enrol', body, reply: credentialReply, signal })
  }

  renew(signal?: AbortSignal) {
    return this.#asMember({ method: 'POST', path: '/v1/renew', body: {}, reply: credentialReply, signal })
  }

  /** Sent once: the caller tries again, with the newest record. */
  publish(record: string, signal?: AbortSignal) {
    return this.#asMember({
      method: 'PUT',
      path: '/v1/members/self',
      body: { record },
      reply: publishReply,
      signal,
      // The caller may have a newer record by the next try.
      once: true,
    })
  }

  async leave(signal?: AbortSignal): Promise<void> {
    await this.#http.tell({ method: 'DELETE', path: '/v1/members/self', signal })
  }

  /** Ends the own membership; the credential is worth nothing once it expires. */
  async endMembership(signal?: AbortSignal): Promise<void> {
    await this.#http.tell({ method: 'POST', path: '/v1/leave', body: {}, signal, once: true })
  }

  /** A page of memberships, for admins. */
  memberships(query: MembershipQuery = {}, signal?: AbortSignal) {
    return this.#http.ask({ method: 'GET', path: '/v1/memberships', query, reply: membershipsReply, signal })
  }

  /** @param who name, peer id or serial */
  membership(who: string, signal?: AbortSignal) {
    const path = membershipPath(who)
    return this.#http.ask({ method: 'GET', path, reply: membershipSchema, signal })
  }

  /** Changes name, tags or region; what is absent stays. */
  amendMembership(who: string, body: AmendMembershipRequest, signal?: AbortSignal) {
    const path = membershipPath(who)
    return this.#http.ask({ method: 'POST', path, body, reply: membershipSchema, signal, once: true })
  }

  /** Ends a membership: its credential counts for nothing at once, its key may join anew. */
  removeMembership(who: string, signal?: AbortSignal) {
    const path = membershipPath(who)
    return this.#http.ask({ method: 'DELETE', path, reply: removeMembershipReply, signal, once: true })
  }

  member(peerId: string, signal?: AbortSignal) {
    return this.#asMember({ method: 'GET', path: `/v1/members/${peerId}`, reply: memberViewSchema, signal })
  }

  members(query: { service?: string; region?: string; cursor?: string } = {}, signal?: AbortSignal) {
    return this.#http.ask({ method: 'GET', path: '/v1/members', query, reply: membersReply, signal })
  }

  map(since?: string, signal?: AbortSignal) {
    return this.#asMember({ method: 'GET', path: '/v1/map', query: { since }, reply: mapReply, signal })
  }

  report(body: RelayReport, signal?: AbortSignal) {
    const path = '/v1/relays/self/report'
    return this.#asMember({ method: 'POST', path, body, reply: relayReportReply, signal })
  }

  health(signal?: AbortSignal, historyHours?: number) {
    const query = { history: historyHours?.toString() }
    return this.#http.ask({ method: 'GET', path: '/v1/health', query, reply: healthReply, signal })
  }

  /** How many members should serve it. @param of `math` or `math@2` */
  scaling(of: { service: string; region?: string | undefined }, signal?: AbortSignal) {
    return this.#http.ask({ method: 'GET', path: '/v1/scaling', query: of, reply: scalingReply, signal })
  }

  policy(signal?: AbortSignal) {
    return this.#http.ask({ method: 'GET', path: '/v1/policy', reply: policyReply, signal })
  }

  /** With `dryRun` nothing is written; the reply lists what would change, for `limit` members at most. */
  writePolicy(
    body: WritePolicyRequest,
    { dryRun = false, limit }: { dryRun?: boolean; limit?: number } = {},
    signal?: AbortSignal,
  ) {
    const query = dryRun ? { dryRun: 'true', limit: limit?.toString() } : {}
    const path = '/v1/policy'
    return this.#http.ask({ method: 'PUT', path, query, body, reply: writePolicyReply, signal, once: true })
  }

  /** Revokes a member permanently, by peer id, serial or name. */
  revoke(body: RevokeRequest, signal?: AbortSignal) {
    const path = '/v1/revocations'
    return this.#http.ask({ method: 'POST', path, body, reply: revokeReply, signal, once: true })
  }

  revocations(signal?: AbortSignal) {
    return this.#http.ask({ method: 'GET', path: '/v1/revocations', reply: revocationsReply, signal })
  }

  createToken(body: CreateTokenRequest, signal?: AbortSignal) {
    return this.#http.ask({
      method: 'POST',
      path: '/v1/tokens',
      body,
      reply: createTokenReply,
      signal,
      once: true,
    })
  }

  /** A page of the audit chain, not verified; `cursor`, `since` (unix ms) or `last`. */
  audit(
    { limit, ...from }: { cursor?: string; since?: number; last?: number; limit?: number } = {},
    signal?: AbortSignal,
  ) {
    const [begin] = Object.entries(from)
    const query = { limit: limit?.toString(), ...(begin && { [begin[0]]: String(begin[1]) }) }
    return this.#http.ask({ method: 'GET', path: '/v1/audit', query, reply: auditReply, signal })
  }

  tokens(cursor?: string, signal?: AbortSignal) {
    return this.#http.ask({
      method: 'GET',
      path: '/v1/tokens',
      query: { cursor },
      reply: tokensReply,
      signal,
    })
  }

  async revokeToken(id: string, signal?: AbortSignal): Promise<void> {
    await this.#http.tell({ method: 'DELETE', path: `/v1/tokens/${encodeURIComponent(id)}`, signal })
  }

  /** A request that only members may make: the answer shows whether this is one. */
  async #asMember<S extends z.ZodMiniType>(call: HttpCall & { reply: S }): Promise<z.output<S>> {
    const round = (await this.#pace?.turn(call.signal)) ?? 0
    try {
      const reply = await this.#http.ask(call)
      this.#pace?.heard(round)
      return reply
    } catch (error) {
      this.#pace?.heard(round, error)
      throw error
    }
  }

  /** Headers that prove who asks, for a WebSocket handshake. */
  authorize(url: URL): Promise<Record<string, string>> {
    return this.#http.headers('GET', url, new Uint8Array())
  }
}
