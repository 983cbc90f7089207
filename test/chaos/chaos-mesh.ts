/** The mesh of a run: a control plane on PostgreSQL, two relays and agents, each a process in a network namespace of its own. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { controlPlaneAddress, relayAddresses } from '../nat-lab/address-plan.ts'
import { LabProcess } from '../nat-lab/lab-process.ts'
import { newRunId } from '../nat-lab/leftovers.ts'
import { LocalApi } from '../nat-lab/local-api.ts'
import { inside, shell } from '../nat-lab/shell.ts'
import { Topology, type Host, type Site } from '../nat-lab/topology.ts'
import { movedClock } from '../support/moved-clock.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'

/** Each start costs most of a CPU second. */
const startsAtOnce = 4
/** One agent in so many is behind a router that lets nothing but port 443 pass: it reaches others over relays. */
const relayedOneIn = 5
/** One agent in so many has a clock that can be moved; looking at the file of that clock costs CPU. */
const clockOneIn = 10
/** A disk that can be filled, MiB. */
const diskMib = 16
const drain = ['--drain', '10s']

export interface ChaosMember {
  readonly name: string
  readonly kind: 'agent' | 'relay' | 'control-plane'
  readonly site: Site | Host
  readonly relayed: boolean
  readonly data: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Where rules on its packets belong: its router, or itself. */
  readonly edge: string
  process: LabProcess
  api: LocalApi
}

export interface ChaosMeshInit {
  agents: number
  /** A module that agents serve. */
  service: string
  /** A folder for what the processes log. */
  logs: string
}

/** The command as users run it: from the sources each process takes twice the memory. */
const build = (folder: string): Promise<unknown> =>
  promisify(execFile)(process.execPath, [
    join(import.meta.dirname, '../../cli/build/build.ts'),
    'command',
    join(folder, 'command'),
  ])

export class ChaosMesh {
  readonly folder: string
  readonly topology: Topology
  readonly database: PostgresServer
  readonly agents: ChaosMember[] = []
  readonly relays: ChaosMember[] = []
  /** Agents whose clock can be moved, and how; agents whose disk can be filled. */
  readonly clocks = new Map<ChaosMember, (time: string) => Promise<void>>()
  readonly disks: ChaosMember[] = []
  controlPlane!: ChaosMember
  readonly #init: ChaosMeshInit
  /** All that were started. */
  readonly #processes = new Set<LabProcess>()
  #token = ''
  #closed: Promise<void> | undefined

  private constructor(init: ChaosMeshInit, folder: string, topology: Topology, database: PostgresServer) {
    this.#init = init
    this.folder = folder
    this.topology = topology
    this.database = database
  }

  /**
   * All members started, not yet all known to all. Ends what it started when it cannot.
   * @param begun gets the mesh before its members start: a signal may end it then
   */
  static async start(init: ChaosMeshInit, begun: (mesh: ChaosMesh) => void): Promise<ChaosMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-chaos-'))
    const [topology, database] = await Promise.all([
      Topology.open(newRunId()),
      startPostgres(),
      build(folder),
    ])
    const mesh = new ChaosMesh(init, folder, topology, database)
    begun(mesh)
    try {
      await mesh.#startAll()
      return mesh
    } catch (error) {
      await mesh.close()
      throw error
    }
  }

  get #commandFile(): string {
    return join(this.folder, 'command', 'bin', 'agent-mesh.js')
  }

  get members(): ChaosMember[] {
    return [...this.relays, ...this.agents]
  }

  /** Starts a member again from its disk. */
  async restart(member: ChaosMember): Promise<void> {
    member.api.close()
    member.process = this.#spawn(member)
    member.api = new LocalApi(member.data)
    await member.process.ready
  }

  /** Ends one. @returns how, as `exit 0` */
  end(member: ChaosMember, signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
    return member.process.stop(signal)
  }

  /** A command asked in the namespace of the control plane, with the key of the admin. @returns its JSON */
  async admin(...args: string[]): Promise<Record<string, unknown>> {
    return this.command(this.controlPlane, ...args)
  }

  async command({ site, data }: ChaosMember, ...args: string[]): Promise<Record<string, unknown>> {
    const command = inside(site.namespace, [
      process.execPath,
      this.#commandFile,
      ...args,
      '--data',
      data,
      '--json',
    ])
    const lines = (await shell(command.join(' '))).trimEnd().split('\n')
    return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
  }

  async token(role: 'agent' | 'relay', uses: number): Promise<{ id: string; token: string }> {
    const made = await this.admin('token', 'create', '--role', role, '--uses', String(uses))
    return { id: (made['view'] as { id: string }).id, token: String(made['token']) }
  }

  /** An agent more, with a token of its own; not among {@link agents}, and not waited for. */
  async extra(name: string, token = this.#token): Promise<ChaosMember> {
    return this.#agent(await this.topology.host(name, 'open'), token)
  }

  /** Idempotent: a signal may come while it ends. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const { api } of this.members) api.close()
    // Before what is left of them is looked for: that takes long on a machine that they keep busy.
    await Promise.all([...this.#processes].map(started => started.stop('SIGKILL')))
    await this.topology.close()
    await this.database.stop()
    for (const { data } of this.disks) await shell(`umount -l ${data} 2>/dev/null || true`)
    await rm(this.folder, { recursive: true, force: true })
  }

  async #startAll(): Promise<void> {
    const site = await this.topology.publicSite('control-plane', controlPlaneAddress)
    const url = (await this.database.database('mesh'))().replace(/$/, '?host=/tmp')
    const listen = ['--listen', '0.0.0.0:443', '--public-url', `http://${controlPlaneAddress.ip4}:443`]
    const env = { AGENT_MESH_STORE: url }
    this.controlPlane = this.#member('control-plane', site, ['control-plane', ...listen], env)
    await this.controlPlane.process.ready
    const relayToken = await this.token('relay', relayAddresses.length)
    for (const [n, address] of relayAddresses.entries()) {
      const relay = await this.topology.publicSite(`relay-${n + 1}`, address)
      const ports = ['/ip4/0.0.0.0/tcp/4001', '/ip4/0.0.0.0/tcp/443/ws'].flatMap(addr => ['--listen', addr])
      const args = ['relay', '--name', relay.name, ...ports, ...drain]
      this.relays.push(this.#member('relay', relay, args, { AGENT_MESH_JOIN: relayToken.token }))
    }
    await Promise.all(this.relays.map(({ process }) => process.ready))
    this.#token = (await this.token('agent', this.#init.agents + 8)).token
    await this.#startAgents()
  }

  async #startAgents(): Promise<void> {
    const numbers = Array.from({ length: this.#init.agents }, (_, i) => i)
    const startNext = async (): Promise<void> => {
      for (let n = numbers.shift(); n !== undefined && this.#closed === undefined; n = numbers.shift()) {
        const host = await this.topology.host(
          `agent-${n}`,
          n % relayedOneIn === relayedOneIn - 1 ? 'tcp-443' : 'open',
        )
        const agent = await this.#agent(host, this.#token, n)
        this.agents.push(agent)
        await agent.process.ready
      }
    }
    await Promise.all(Array.from({ length: startsAtOnce }, startNext))
    this.agents.sort((a, b) => Number(a.name.slice(6)) - Number(b.name.slice(6)))
  }

  async #agent(host: Host, token: string, n?: number): Promise<ChaosMember> {
    const clock =
      n !== undefined && n % clockOneIn === 1
        ? movedClock(join(this.folder, `${host.name}.clock`))
        : undefined
    await clock?.set('+0')
    if (n === 0) await this.#smallDisk(host.name)
    const args = [
      'up',
      '--name',
      host.name,
      '--listen',
      '/ip4/0.0.0.0/tcp/0',
      '--no-mdns',
      '--serve',
      this.#init.service,
    ]
    const env = { AGENT_MESH_JOIN: token, ...clock?.env }
    const agent = this.#member('agent', host, [...args, ...drain], env, host.kind !== 'open')
    if (clock !== undefined) this.clocks.set(agent, clock.set)
    if (n === 0) this.disks.push(agent)
    return agent
  }

  /** Processes of the lab see what is mounted before they start. */
  async #smallDisk(name: string): Promise<void> {
    const data = join(this.folder, name)
    await mkdir(data)
    await shell(`mount -t tmpfs -o size=${diskMib}m,mode=700 tmpfs ${data}`)
  }

  #member(
    kind: ChaosMember['kind'],
    site: Site | Host,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    relayed = false,
  ): ChaosMember {
    const data = join(this.folder, site.name)
    const edge = ('routers' in site ? site.routers[0] : undefined) ?? site.namespace
    const plan = { name: site.name, kind, site, relayed, data, args, env, edge }
    return { ...plan, process: this.#spawn(plan), api: new LocalApi(data) }
  }

  #spawn({
    site,
    name,
    args,
    data,
    env,
  }: Pick<ChaosMember, 'site' | 'name' | 'args' | 'data' | 'env'>): LabProcess {
    const command = [process.execPath, this.#commandFile, ...args, '--data', data, '--json']
    const logFile = join(this.#init.logs, `${name}.log`)
    const started = new LabProcess({ namespace: site.namespace, command, env, logFile })
    this.#processes.add(started)
    return started
  }
}
