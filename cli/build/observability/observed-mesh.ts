/** A mesh on loopback whose processes serve their metrics: a control plane, two relays, three agents, and calls among them. */
import { defineService, type Agent } from '@agent-mesh/agent'
import * as z from 'zod'
import { LocalMesh } from '../../../test/support/local-mesh.ts'
import { serveOperations } from '../../src/daemon/operations-server.ts'
import type { Targets } from './prometheus.ts'

const echo = defineService({
  name: 'echo',
  version: 1,
  methods: {
    say: { params: z.string(), result: z.string(), effects: 'read', cache: { ttl: 500 } },
    fail: { params: z.string(), result: z.string() },
  },
})

type Observed = Parameters<typeof serveOperations>[0]

export class ObservedMesh {
  readonly #mesh: LocalMesh
  readonly #caller: Agent<readonly [typeof echo]>
  readonly #stops: (() => Promise<void>)[]
  readonly targets: Targets

  private constructor(
    mesh: LocalMesh,
    caller: Agent<readonly [typeof echo]>,
    stops: (() => Promise<void>)[],
    targets: Targets,
  ) {
    this.#mesh = mesh
    this.#caller = caller
    this.#stops = stops
    this.targets = targets
  }

  static async start(): Promise<ObservedMesh> {
    const mesh = await LocalMesh.start()
    const relays = [await mesh.relay('relay-1'), await mesh.relay('relay-2')]
    const callees = [await mesh.agent({ name: 'callee-1' }), await mesh.agent({ name: 'callee-2' })]
    for (const callee of callees)
      callee.serve({
        contract: echo,
        handlers: { say: words => words, fail: () => Promise.reject(new Error('a handler that fails')) },
      })
    const caller = await mesh.agent({ name: 'caller', contracts: [echo] })
    await caller.waitFor(echo)
    const stops: (() => Promise<void>)[] = []
    const served = async (members: readonly Pick<Observed, 'status' | 'metrics'>[]) => {
      const servers = await Promise.all(members.map(member => serveMetrics(member)))
      stops.push(...servers.map(({ stop }) => stop))
      return servers.map(({ url }) => new URL(url).host)
    }
    return new ObservedMesh(mesh, caller, stops, {
      'agent-mesh-control-plane': [new URL(mesh.controlPlane.url).host],
      'agent-mesh-relay': await served(relays),
      'agent-mesh-agent': await served([caller, ...callees]),
    })
  }

  /** Whether each agent has a home and a standby relay. */
  async settled(): Promise<boolean> {
    return /agent_mesh_relays_linked 2\n/.test(await this.#caller.metrics())
  }

  /** Some calls, of which none fails. */
  async call(): Promise<void> {
    await Promise.all(Array.from({ length: 5 }, (_, i) => this.#caller.call('echo.say', `words ${i}`)))
  }

  /** A call that fails. */
  async fail(): Promise<void> {
    await this.#caller.call('echo.fail', '').catch(() => undefined)
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) await stop()
    await this.#mesh.stop()
  }
}

const serveMetrics = (member: Pick<Observed, 'status' | 'metrics'>) =>
  serveOperations({
    listen: { host: '127.0.0.1', port: 0 },
    status: () => member.status(),
    metrics: () => member.metrics(),
  })
