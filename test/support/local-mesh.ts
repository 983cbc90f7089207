/** A real mesh on loopback for tests: control plane, relays and agents on sockets of their own, in one process. */
import {
  controlPlaneClient,
  createAgent,
  type Clock,
  createLogger,
  loadIdentity,
  type Agent,
  type AgentOptions,
  type Contracts,
} from '@agent-mesh/agent'
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import type { CreateTokenRequest, Grant } from '@agent-mesh/protocol'
import { createRelay, type Relay, type RelayOptions } from '@agent-mesh/relay'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { freePort } from './free-port.ts'

export const silent = createLogger('test', (process.env['TEST_LOG'] as 'debug' | undefined) ?? 'silent')

/** Where tests listen: loopback, a free port. */
export const loopback = '/ip4/127.0.0.1/tcp/0'

/** A client with the key of the first admin. */
export async function adminOf({ adminIdentityFile, url, meshId }: RunningControlPlane) {
  const { signer } = await loadIdentity(dirname(adminIdentityFile), basename(adminIdentityFile))
  return controlPlaneClient({ url, meshId, signer })
}

type AgentChoice<C extends Contracts> = Partial<AgentOptions<C>> & {
  name: string
  token?: Partial<CreateTokenRequest>
}

export class LocalMesh {
  readonly folder: string
  controlPlane: RunningControlPlane
  readonly #stops: (() => Promise<void>)[] = []

  readonly #time: { clock?: Clock }

  private constructor(folder: string, controlPlane: RunningControlPlane, time: { clock?: Clock }) {
    this.folder = folder
    this.controlPlane = controlPlane
    this.#time = time
  }

  /** @param time the clock of all its processes */
  static async start(time: { clock?: Clock } = {}): Promise<LocalMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-'))
    return new LocalMesh(folder, await LocalMesh.#startControlPlane(folder, await freePort(), time), time)
  }

  static #startControlPlane(
    folder: string,
    port: number,
    more: { clock?: Clock; restored?: boolean },
  ): Promise<RunningControlPlane> {
    const log = silent
    return startControlPlane({
      data: join(folder, 'control-plane'),
      listen: { host: '127.0.0.1', port },
      log,
      ...more,
    })
  }

  /** Stops the control plane. */
  async stopControlPlane(): Promise<void> {
    await this.controlPlane.stop()
  }

  /** Starts it again at the same address. */
  async restartControlPlane(more: { restored?: boolean } = {}): Promise<void> {
    const { port } = new URL(this.controlPlane.url)
    const start = { ...this.#time, ...more }
    this.controlPlane = await LocalMesh.#startControlPlane(this.folder, Number(port), start)
  }

  async token(request: CreateTokenRequest = {}): Promise<string> {
    return (await this.controlPlane.createToken(request)).token
  }

  /** Agents may call these from now on (`service:host.*`), and nothing else: a new mesh lets them call all. */
  async letAgentsCall(...to: string[]): Promise<void> {
    const admin = await adminOf(this.controlPlane)
    const { number, policy } = await admin.policy()
    const grants = policy.grants.filter(({ from }) => !from.includes('role:agent'))
    if (to.length > 0) grants.push({ from: ['role:agent'], to, allow: ['call'] })
    await admin.writePolicy({ policy: { ...policy, grants }, expected: number })
  }

  /** Adds a grant to the policy. */
  async grant(grant: Grant): Promise<void> {
    const admin = await adminOf(this.controlPlane)
    const { number, policy } = await admin.policy()
    await admin.writePolicy({ policy: { ...policy, grants: [...policy.grants, grant] }, expected: number })
  }

  data(name: string): string {
    return join(this.folder, name)
  }

  async relay(
    name: string,
    listen = loopback,
    region?: string,
    more: Pick<RelayOptions, 'stun' | 'drain' | 'reportLoadMs' | 'mapBeatMs' | 'watchSilenceMs' | 'log'> = {},
  ): Promise<Relay> {
    const token = await this.token({ roles: ['relay'], ...(region === undefined ? {} : { region }) })
    const relay = await createRelay({
      data: this.data(name),
      join: token,
      name,
      listen: [listen],
      log: silent,
      ...this.#time,
      ...more,
    })
    this.#stops.push(() => relay.stop())
    return relay
  }

  /** Starts an agent, enrolled with a token of its own unless `join` says otherwise. */
  async agent<const C extends Contracts = readonly []>(options: AgentChoice<C>): Promise<Agent<C>> {
    const { token, ...rest } = options
    const join = rest.join ?? (await this.token(token))
    return this.startAgent({ join, ...rest })
  }

  /** Starts an agent as it is on disk. */
  async startAgent<const C extends Contracts = readonly []>(
    options: Partial<AgentOptions<C>> & { name: string },
  ): Promise<Agent<C>> {
    const agent = await createAgent<C>({
      data: this.data(options.name),
      listen: [loopback],
      log: silent,
      ...this.#time,
      ...options,
    })
    this.#stops.push(() => agent.stop())
    return agent
  }

  /** Ends everything, newest first, and removes its data. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop()
    await this.controlPlane.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}
