/** The mesh of scaling-mesh.ts: control plane, relay and agents on loopback, with real sockets. */
import { createAgent, createLogger, loadIdentity, type Agent } from '@agent-mesh/agent'
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import { signScalingToken } from '@agent-mesh/protocol'
import { createRelay } from '@agent-mesh/relay'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'

const listen = ['/ip4/127.0.0.1/tcp/0']
const log = createLogger('scaling-mesh', 'error')
const hour = 3_600_000

const signalSchema = z.object({
  current: z.int(),
  desired: z.int(),
  saturation: z.number(),
  reason: z.string(),
  /** Of the oldest report counted. */
  ageSeconds: z.number(),
})
export type Signal = z.output<typeof signalSchema>

/** Unix ms, which can be moved on. */
class MovedClock {
  #ahead = 0

  /** So many ms pass at once. */
  advance(ms: number): void {
    this.#ahead += ms
  }

  now(): number {
    return Date.now() + this.#ahead
  }

  monotonic(): number {
    return performance.now()
  }
}

export class Site {
  readonly clock: MovedClock
  readonly #folder: string
  readonly #controlPlane: RunningControlPlane
  readonly #stops: (() => Promise<void>)[] = []
  #signalToken = ''

  private constructor(folder: string, controlPlane: RunningControlPlane, clock: MovedClock) {
    this.#folder = folder
    this.#controlPlane = controlPlane
    this.clock = clock
  }

  static async start(): Promise<Site> {
    const clock = new MovedClock()
    const folder = await mkdtemp(join(tmpdir(), 'scaling-mesh-'))
    const place = { data: join(folder, 'control-plane'), listen: { host: '127.0.0.1', port: 0 } }
    const site = new Site(folder, await startControlPlane({ ...place, log, clock }), clock)
    const { token } = await site.#controlPlane.createToken({ roles: ['relay'] })
    const data = join(folder, 'relay')
    const relay = await createRelay({ data, join: token, name: 'relay', listen, log, reportLoadMs: 500 })
    site.#stops.push(() => relay.stop())
    return site
  }

  /** What an agent of this name is started with. */
  async settings(name: string): Promise<{ name: string; data: string; token: string }> {
    const { token } = await this.#controlPlane.createToken({})
    return { name, data: join(this.#folder, name), token }
  }

  async agent(name: string): Promise<Agent> {
    const { token, ...settings } = await this.settings(name)
    const agent = await createAgent({ ...settings, join: token, listen, ephemeral: true, log })
    this.#stops.push(() => agent.stop())
    return agent
  }

  /** What an autoscaler reads, and how it does. */
  async signal(service: string): Promise<Signal> {
    const { url, adminIdentityFile, meshId } = this.#controlPlane
    if (this.#signalToken === '') {
      const { signer } = await loadIdentity(dirname(adminIdentityFile), basename(adminIdentityFile))
      this.#signalToken = await signScalingToken(signer, { meshId, now: this.clock.now(), lifeMs: 24 * hour })
    }
    const headers = { authorization: `Bearer ${this.#signalToken}` }
    const response = await fetch(`${url}/v1/scaling?service=${service}`, { headers })
    assert.equal(response.status, 200)
    return signalSchema.parse(await response.json())
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stops.splice(1).map(stop => stop()))
    for (const stop of this.#stops) await stop()
    await this.#controlPlane.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
