/** For specs: a mesh on loopback whose agent `desk` has a gateway, and whose agent `server` serves. */
import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'

import { auditEntries, defineService, type Agent } from '@agent-mesh/agent'
import { GatewayTokens, serveGateway, type RunningGateway } from '@agent-mesh/cli'
import { MeshError, type AuditEntry, type Grant } from '@agent-mesh/protocol'
import { expect, vi } from 'vitest'
import * as z from 'zod/mini'

import { LocalMesh, silent } from './local-mesh.ts'

export const math = defineService({
  name: 'math',
  version: 1,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), idempotent: true },
    whose: { params: z.optional(z.unknown()), result: z.object({ app: z.optional(z.string()) }) },
    reverse: { params: z.instanceof(Uint8Array), result: z.instanceof(Uint8Array) },
    fail: { params: z.optional(z.unknown()), result: z.unknown() },
    count: { params: z.object({ to: z.number() }), yields: z.number(), result: z.string() },
    total: { params: z.optional(z.unknown()), takes: z.number(), yields: z.number(), result: z.number() },
    sum: { params: z.optional(z.unknown()), takes: z.number(), result: z.number() },
    hang: { params: z.optional(z.unknown()), result: z.unknown() },
  },
})
const vault = defineService({
  name: 'vault',
  version: 1,
  methods: { open: { params: z.optional(z.unknown()), result: z.string() } },
})

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  text: string
  json: () => Record<string, unknown>
}

export class GatewayMesh {
  readonly mesh: LocalMesh
  readonly desk: Agent
  readonly server: Agent
  readonly gateway: RunningGateway
  readonly tokens: GatewayTokens
  /** Calls of `hang` whose caller still waits. */
  readonly hanging: Set<AbortSignal>
  /** What `sum` had after each of its messages. */
  readonly summed: number[]

  private constructor(
    parts: Omit<GatewayMesh, 'ask' | 'token' | 'portsToken' | 'topicsToken' | 'denials' | 'stop' | 'port'>,
  ) {
    this.mesh = parts.mesh
    this.desk = parts.desk
    this.server = parts.server
    this.gateway = parts.gateway
    this.tokens = parts.tokens
    this.hanging = parts.hanging
    this.summed = parts.summed
  }

  /** The policy grants calls of `math`, of nothing else. @param grants more, which agents have from their start */
  static async start(...grants: Grant[]): Promise<GatewayMesh> {
    const mesh = await LocalMesh.start()
    await mesh.letAgentsCall('service:math.*', 'service:host.*')
    for (const grant of grants) await mesh.grant(grant)
    const server = await mesh.agent({ name: 'server' })
    const hanging = new Set<AbortSignal>()
    const summed: number[] = []
    server.serve({
      contract: math,
      handlers: {
        add: ({ a, b }) => a + b,
        whose: (_, { app }) => ({ ...(app !== undefined && { app }) }),
        reverse: bytes => bytes.toReversed(),
        fail: () => {
          throw new MeshError('overloaded', 'Cannot do it: too much to do')
        },
        async *count({ to }) {
          for (let i = 1; i <= to; i++) yield i
          return 'done'
        },
        async *total(_, { input }) {
          let sum = 0
          for await (const each of input) yield (sum += each)
          return sum
        },
        async sum(_, { input }) {
          let sum = 0
          for await (const each of input) summed.push((sum += each))
          return sum
        },
        hang: async (_, { signal }) => {
          hanging.add(signal)
          await once(signal, 'abort')
          hanging.delete(signal)
        },
      },
    })
    server.serve({ contract: vault, handlers: { open: () => 'opened' } })
    const desk = await mesh.agent({ name: 'desk', drain: 500 })
    const known = () => expect(desk.services().map(({ service }) => service)).toContain('vault@1')
    await vi.waitFor(known, 20_000)
    const folder = mesh.data('desk')
    const listen = { host: '127.0.0.1', port: 0 }
    const gateway = await serveGateway({ agent: desk, folder, listen, log: silent })
    const tokens = new GatewayTokens(folder)
    return new GatewayMesh({ mesh, desk, server, gateway, tokens, hanging, summed })
  }

  get port(): number {
    return Number(new URL(this.gateway.url).port)
  }

  async token(app: string, ...call: string[]): Promise<string> {
    return (await this.tokens.create({ app, scope: { call }, lifetimeMs: 3_600_000 })).text
  }

  /** Of a program that connects to ports. */
  async portsToken(app: string, ...connect: string[]): Promise<string> {
    return (await this.tokens.create({ app, scope: { connect }, lifetimeMs: 600_000 })).text
  }

  /** Of a program that publishes and subscribes. */
  async topicsToken(app: string, target: string): Promise<string> {
    const scope = { publish: [target], subscribe: [target] }
    return (await this.tokens.create({ app, scope, lifetimeMs: 600_000 })).text
  }

  /** As a program: `fetch` would not let it choose the host. */
  async ask(
    path: string,
    {
      method = 'POST',
      body,
      ...headers
    }: { method?: string; body?: string | Uint8Array } & Record<string, unknown>,
  ): Promise<Answer> {
    const sent = request(`${this.gateway.url}${path}`, {
      method,
      headers: headers as Record<string, string>,
      agent: false,
    })
    sent.end(body)
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    const text = Buffer.concat(await reply.toArray()).toString('latin1')
    return {
      ...{ status: reply.statusCode ?? 0, headers: reply.headers, text },
      json: () => JSON.parse(text) as Record<string, unknown>,
    }
  }

  /** Of the audit log of a member. */
  async denials(name: string): Promise<AuditEntry[]> {
    const entries: AuditEntry[] = []
    for await (const entry of auditEntries(this.mesh.data(name))) entries.push(entry)
    return entries.filter(({ what }) => what === 'denied')
  }

  async stop(): Promise<void> {
    await this.gateway.stop()
    await this.mesh.stop()
  }
}

export const jsonBody = (token: string, body: unknown) => ({
  'content-type': 'application/json',
  authorization: `Bearer ${token}`,
  body: JSON.stringify(body),
})
