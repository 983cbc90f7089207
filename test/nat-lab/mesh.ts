/** A mesh of real processes on a topology: a control plane, two relays, agents started by the command. */
import type { Grant } from '@agent-mesh/protocol'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandFile } from '../support/command.ts'
import { controlPlaneAddress, relayAddresses, type PublicAddress } from './address-plan.ts'
import { LabProcess } from './lab-process.ts'
import { LocalApi } from './local-api.ts'
import { inside, shell } from './shell.ts'
import type { Host, Site, Topology } from './topology.ts'
import { waitUntil } from './until.ts'

const serviceFile = join(import.meta.dirname, 'lab-service.ts')
const proxyFile = join(import.meta.dirname, 'connect-proxy.ts')

/** All members know all others within this, ms, on two busy cores. */
const convergeMs = 60_000
/** Members that start at once: each costs most of a CPU second. */
const startsAtOnce = 4

/** A process of the mesh and how to ask it. */
export interface Running {
  site: Site
  data: string
  process: LabProcess
  api: LocalApi
}

export interface RunningAgent extends Running {
  site: Host
}

export interface MeshInit {
  topology: Topology
  /** Where logs go; kept. @default a folder that is removed */
  logs?: string | undefined
  /** Of the processes. @default warn */
  logLevel?: string
}

const anyAddress = (family: keyof PublicAddress) => (family === 'ip4' ? '/ip4/0.0.0.0' : '/ip6/::')

/** What a relay listens on: TCP, and what passes where only port 443 is open. */
const relayListen = (family: keyof PublicAddress): string[] => {
  const any = anyAddress(family)
  return [`${any}/tcp/4001`, `${any}/tcp/443/ws`].flatMap(addr => ['--listen', addr])
}

export class LabMesh {
  readonly topology: Topology
  readonly relays: Running[] = []
  readonly agents: RunningAgent[] = []
  /** Agents that did not start, and why. */
  readonly failed = new Map<string, string>()
  controlPlane!: Running
  readonly #init: MeshInit
  readonly #folder: string
  /** By the router that each runs on. */
  readonly #proxies = new Map<string, LabProcess>()
  readonly #begun: LabProcess[] = []
  readonly #ended: { name: string; how: string }[] = []
  #token = ''

  private constructor(init: MeshInit, folder: string) {
    this.#init = init
    this.#folder = folder
    this.topology = init.topology
  }

  /** Control plane and relays, no agents yet. */
  static async start(init: MeshInit): Promise<LabMesh> {
    const mesh = new LabMesh(init, await mkdtemp(join(tmpdir(), 'agent-mesh-lab-')))
    await mesh.#start()
    return mesh
  }

  async #start(): Promise<void> {
    const { topology } = this.#init
    const site = await topology.publicSite('control-plane', controlPlaneAddress)
    const url = `http://${this.#hostOf(controlPlaneAddress)}:443`
    const anywhere = this.#family === 'ip4' ? '0.0.0.0:443' : '[::]:443'
    this.controlPlane = this.#run(site, ['control-plane', '--listen', anywhere, '--public-url', url])
    await this.controlPlane.process.ready
    this.#token = await this.token('agent', 200)
    const relayToken = await this.token('relay', 10)
    for (const [n, address] of relayAddresses.entries()) {
      const relay = await topology.publicSite(`relay-${n + 1}`, address)
      const args = ['relay', '--join', relayToken, '--name', relay.name, ...relayListen(this.#family)]
      this.relays.push(this.#run(relay, args))
    }
    await Promise.all(this.relays.map(({ process }) => process.ready))
  }

  get #family(): keyof PublicAddress {
    return this.topology.families === 'ip6' ? 'ip6' : 'ip4'
  }

  #hostOf({ ip4, ip6 }: PublicAddress): string {
    return this.#family === 'ip4' ? ip4 : `[${ip6}]`
  }

  /** Starts an agent on each host, a few at a time. One that does not start is listed in {@link failed}. */
  async addAgents(hosts: readonly Host[]): Promise<RunningAgent[]> {
    const waiting = [...hosts]
    const startNext = async (): Promise<void> => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
        const { name } = host
        await this.addAgent(host).catch((error: unknown) =>
          this.failed.set(name, error instanceof Error ? error.message : String(error)),
        )
      }
    }
    await Promise.all(Array.from({ length: startsAtOnce }, startNext))
    return hosts.flatMap(host => this.agents.filter(({ site }) => site === host))
  }

  async addAgent(host: Host): Promise<RunningAgent> {
    await this.#startProxy(host)
    const agent = { ...this.#run(host, this.#agentArguments(host), proxyEnvironment(host)), site: host }
    try {
      await agent.process.ready
    } catch (error) {
      await agent.process.stop('SIGKILL')
      throw error
    }
    this.agents.push(agent)
    return agent
  }

  #agentArguments({ name }: Host): string[] {
    return [...this.#upArguments(), '--join', this.#token, '--name', name]
  }

  /** Ends an agent and starts it anew with another identity, under another name: it knows no member, and no member knows it. */
  async replaceAgent(agent: RunningAgent): Promise<RunningAgent> {
    await this.end(agent)
    this.agents.splice(this.agents.indexOf(agent), 1)
    await rm(agent.data, { recursive: true })
    return this.addAgent({ ...agent.site, name: `${agent.site.name}b` })
  }

  /** Starts a process again that ended, from its disk. */
  async restart(running: Running): Promise<void> {
    running.api.close()
    const env = proxyEnvironment(running.site as Host)
    const fresh = this.#run(running.site, this.#restartArguments(running), env)
    Object.assign(running, { process: fresh.process, api: fresh.api })
    await running.process.ready
  }

  #restartArguments(running: Running): string[] {
    return this.relays.includes(running) ? ['relay', ...relayListen(this.#family)] : this.#upArguments()
  }

  #upArguments(): string[] {
    return ['up', '--serve', serviceFile, '--listen', `${anyAddress(this.#family)}/tcp/0`]
  }

  /** Ends a process and remembers how it ended. */
  async end(running: Running, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const died = running.process.died
    const how = await running.process.stop(signal)
    running.api.close()
    if (signal !== 'SIGKILL') this.#ended.push({ name: running.site.name, how: died ? `died: ${how}` : how })
  }

  /** Resolves when every agent sees every other member online and holds its relays. @returns ms */
  converged(agents: readonly RunningAgent[] = this.agents, relays = 2): Promise<number> {
    const others = this.agents.length + this.relays.length - 1
    const missing = new Map<string, string>()
    return waitUntil(
      () => `all know all: ${[...missing].map(([name, what]) => `${name} ${what}`).join(', ')}`,
      async () => {
        missing.clear()
        for (const { site, api } of agents) {
          const online = (await api.peers()).filter(peer => peer.online).length
          const held = (await api.status()).relays.length
          if (online < others || held < relays)
            missing.set(site.name, `sees ${online} of ${others}, holds ${held} relays`)
        }
        return missing.size === 0
      },
      convergeMs,
    )
  }

  /** Names of processes that ended without a request to end. */
  get died(): string[] {
    return [this.controlPlane, ...this.relays, ...this.agents]
      .filter(({ process }) => process.died)
      .map(({ site }) => site.name)
  }

  /** Ends everything, agents first. @returns what did not end cleanly, as `cone-1: SIGKILL` */
  async stop(): Promise<string[]> {
    await Promise.all(this.#begun.map(process => process.stop()))
    const groups: readonly Running[][] = [this.agents, this.relays, [this.controlPlane]]
    for (const group of groups) await Promise.all(group.map(each => this.end(each)))
    await Promise.all([...this.#proxies.values()].map(process => process.stop()))
    await rm(this.#folder, { recursive: true, force: true })
    return this.#ended.filter(({ how }) => how !== 'exit 0').map(({ name, how }) => `${name}: ${how}`)
  }

  /**
   * Runs the command to its end beside a process, on its data: the machine itself reaches no host in the lab.
   * @returns what it says with `--json`
   */
  async ask({ site, data }: Running, ...args: readonly string[]): Promise<unknown> {
    const command = [process.execPath, commandFile, ...args, '--data', data, '--json']
    return JSON.parse(await shell(inside(site.namespace, command).join(' '))) as unknown
  }

  /** Starts a command beside an agent, on its data; it runs until the mesh stops. */
  async begin({ site, data }: RunningAgent, ...args: readonly string[]): Promise<LabProcess> {
    const command = [process.execPath, commandFile, ...args, '--data', data, '--json']
    const begun = this.#spawn(site.namespace, `${site.name}-${args[0]}`, command)
    this.#begun.push(begun)
    await begun.ready
    return begun
  }

  /** Adds a grant to the policy. */
  async grant(grant: Grant): Promise<void> {
    const policy = (await this.ask(this.controlPlane, 'policy', 'get')) as { grants: Grant[] }
    const file = join(this.#folder, 'policy.json')
    await writeFile(file, JSON.stringify({ ...policy, grants: [...policy.grants, grant] }))
    await this.ask(this.controlPlane, 'policy', 'set', file)
  }

  /** Text of a token. */
  async token(role: string, uses: number): Promise<string> {
    const args = ['token', 'create', '--role', role, '--uses', String(uses)]
    return ((await this.ask(this.controlPlane, ...args)) as { token: string }).token
  }

  /** How to ask a member by hand. */
  hint({ site, data }: Running): string {
    return `${inside(site.namespace, [process.execPath, commandFile]).join(' ')} --data ${data} peers`
  }

  #run(site: Site, args: readonly string[], env?: NodeJS.ProcessEnv): Running {
    const data = join(this.#folder, site.name)
    const level = ['--log-level', this.#init.logLevel ?? 'warn']
    const command = [process.execPath, commandFile, ...args, ...level, '--data', data, '--json']
    const process_ = this.#spawn(site.namespace, site.name, command, env)
    return { site, data, process: process_, api: new LocalApi(data) }
  }

  #spawn(
    namespace: string,
    name: string,
    command: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): LabProcess {
    const logFile = join(this.#init.logs ?? this.#folder, `${name}.log`)
    return new LabProcess({ namespace, command, env, logFile })
  }

  /** Once for each network: an agent that replaces another finds it running. */
  async #startProxy({ name, proxy, routers }: Host): Promise<void> {
    const [router] = routers
    if (proxy === undefined || router === undefined) return
    const command = [process.execPath, proxyFile, proxy.host, String(proxy.port)]
    const running = this.#proxies.get(router) ?? this.#spawn(router, `${name}-proxy`, command)
    this.#proxies.set(router, running)
    await running.ready
  }
}

const proxyEnvironment = ({ proxy }: Pick<Host, 'proxy'>): NodeJS.ProcessEnv => {
  if (proxy === undefined) return {}
  const url = `http://${proxy.host}:${proxy.port}`
  return { HTTP_PROXY: url, HTTPS_PROXY: url }
}
