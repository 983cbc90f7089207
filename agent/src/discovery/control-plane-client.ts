/** Client of the control plane API. Signed requests; a wrong clock is corrected once; idempotent ones are retried. */
import {
  bootstrapReply,
  createTokenReply,
  credentialReply,
  healthReply,
  mapReply,
  membersReply,
  memberViewSchema,
  MeshError,
  parseJson,
  policyReply,
  publishReply,
  relayReportReply,
  signRequest,
  tokensReply,
  type BootstrapReply,
  type CreateTokenRequest,
  type EnrolRequest,
  type RelayReport,
  type Signer,
} from '@agent-mesh/protocol'
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel'
import { randomBytes } from 'node:crypto'
import type * as z from 'zod/mini'
import { systemClock, type Clock } from '../observe/clock.ts'
import { defaults } from './defaults.ts'
import { exchange } from './http.ts'

export interface ControlPlaneClientInit {
  /** Base URL, as the join token has it. */
  url: string
  meshId: string
  /** Signs the requests; without it only {@link ControlPlaneClient.bootstrap} works. */
  signer?: Signer
  clock?: Clock
}

interface Call<S extends z.ZodMiniType> {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  query?: Record<string, string | undefined>
  body?: unknown
  reply?: S
  signal?: AbortSignal | undefined
  /** Not idempotent: carries a nonce and is sent once. */
  once?: boolean
}

export type ControlPlaneClient = ReturnType<typeof controlPlaneClient>

const retrying = retry(
  handleWhen(error => error instanceof MeshError && error.retriable && error.code !== 'clock_skew'),
  {
    maxAttempts: defaults.requestTries - 1,
    backoff: new ExponentialBackoff({ initialDelay: defaults.retryMinMs, maxDelay: defaults.retryMaxMs }),
  },
)

/** @throws MeshError from every method: the server's code, or `unavailable` when it cannot be reached */
export function controlPlaneClient({
  url: base,
  meshId,
  signer,
  clock = systemClock,
}: ControlPlaneClientInit) {
  /** Server time minus ours, learnt from a `clock_skew` refusal. */
  let offset = 0

  async function send<S extends z.ZodMiniType>(call: Call<S>, again = true): Promise<string> {
    const url = new URL(`${base.replace(/\/+$/, '')}${call.path}`)
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, value)
    const body = new TextEncoder().encode(call.body === undefined ? '' : JSON.stringify(call.body))
    const headers: Record<string, string> = body.byteLength > 0 ? { 'content-type': 'application/json' } : {}
    if (signer !== undefined) {
      const nonce = call.once === true ? { nonce: randomBytes(16).toString('base64url') } : {}
      headers['authorization'] = await signRequest(
        signer,
        { method: call.method, url, body },
        { meshId, now: clock.now() + offset, ...nonce },
      )
    }
    try {
      return await exchange({ method: call.method, url, headers, body, signal: call.signal })
    } catch (error) {
      const serverTime =
        error instanceof MeshError && error.code === 'clock_skew' ? error.details?.['now'] : undefined
      if (!again || typeof serverTime !== 'number') throw error
      offset = serverTime - clock.now()
      return send(call, false)
    }
  }

  async function ask<S extends z.ZodMiniType>(call: Call<S> & { reply: S }): Promise<z.output<S>> {
    const text = await (call.once === true ? send(call) : retrying.execute(() => send(call), call.signal))
    return parseJson(call.reply, text, `read reply of ${call.method} ${call.path}`, 'protocol_error')
  }

  const tell = async (call: Call<never>): Promise<void> =>
    void (await retrying.execute(() => send(call), call.signal))

  return {
    url: base,
    meshId,
    /** Not verified: the caller checks the head against the mesh id. */
    bootstrap: (
      query: { region?: string; service?: string; limit?: number } = {},
      signal?: AbortSignal,
    ): Promise<BootstrapReply> =>
      ask({
        method: 'GET',
        path: '/v1/bootstrap',
        reply: bootstrapReply,
        signal,
        query: { region: query.region, service: query.service, limit: query.limit?.toString() },
      }),
    enrol: (body: EnrolRequest, signal?: AbortSignal) =>
      ask({ method: 'POST', path: '/v1/enrol', body, reply: credentialReply, signal }),
    renew: (signal?: AbortSignal) =>
      ask({ method: 'POST', path: '/v1/renew', body: {}, reply: credentialReply, signal }),
    publish: (record: string, signal?: AbortSignal) =>
      ask({ method: 'PUT', path: '/v1/members/self', body: { record }, reply: publishReply, signal }),
    leave: (signal?: AbortSignal) => tell({ method: 'DELETE', path: '/v1/members/self', signal }),
    member: (peerId: string, signal?: AbortSignal) =>
      ask({ method: 'GET', path: `/v1/members/${peerId}`, reply: memberViewSchema, signal }),
    members: (query: { service?: string; region?: string; cursor?: string } = {}, signal?: AbortSignal) =>
      ask({ method: 'GET', path: '/v1/members', query, reply: membersReply, signal }),
    map: (since?: string, signal?: AbortSignal) =>
      ask({ method: 'GET', path: '/v1/map', query: { since }, reply: mapReply, signal }),
    report: (body: RelayReport, signal?: AbortSignal) =>
      ask({ method: 'POST', path: '/v1/relays/self/report', body, reply: relayReportReply, signal }),
    health: (signal?: AbortSignal) => ask({ method: 'GET', path: '/v1/health', reply: healthReply, signal }),
    policy: (signal?: AbortSignal) => ask({ method: 'GET', path: '/v1/policy', reply: policyReply, signal }),
    createToken: (body: CreateTokenRequest, signal?: AbortSignal) =>
      ask({ method: 'POST', path: '/v1/tokens', body, reply: createTokenReply, signal, once: true }),
    tokens: (cursor?: string, signal?: AbortSignal) =>
      ask({ method: 'GET', path: '/v1/tokens', query: { cursor }, reply: tokensReply, signal }),
    revokeToken: (id: string, signal?: AbortSignal) =>
      tell({ method: 'DELETE', path: `/v1/tokens/${encodeURIComponent(id)}`, signal }),
  }
}
