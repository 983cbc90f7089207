/** The installation of deploy/compose, as a project of its own on ports that are free. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../support/free-port.ts'
import type { Engine } from './engine.ts'

const run = promisify(execFile)
const deploy = join(import.meta.dirname, '..', '..', '..', 'deploy')
const anyPort = '127.0.0.1:0'
/** Grafana cannot be had where no registry can be reached, and what restores a backup is asked for. */
const missing = ['grafana', 'restore']

export interface ComposeMeshInit {
  engine: Engine
  /** Of members, and of what compose.yaml takes from registries, by its variables. */
  images: Record<string, string>
  /** Files put beside compose.yaml; those in YAML are merged with it. @default none */
  more?: readonly string[]
}

const isYaml = (file: string): boolean => file.endsWith('.yaml')

/** The parts of `docker inspect` that tests look at. */
export interface Container {
  Id: string
  Image: string
  State: { Status: string; ExitCode: number; Health?: { Status: string } }
  Config: { User: string; Labels: Record<string, string> }
  HostConfig: {
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    SecurityOpt: string[] | null
    Memory: number
    PidsLimit: number | null
  }
  NetworkSettings: {
    Networks: Record<string, unknown>
    Ports: Record<string, { HostPort: string }[] | null>
  }
}

export class ComposeMesh {
  readonly #engine: Engine
  readonly #command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** A copy of `deploy`, with secrets of its own. */
  readonly folder: string

  private constructor(
    { engine, images, more = [] }: ComposeMeshInit,
    folder: string,
    command: readonly string[],
    stunPorts: Record<string, string>,
  ) {
    this.#engine = engine
    this.folder = folder
    this.#command = command
    this.env = {
      ...process.env,
      ...(engine.host !== undefined && { DOCKER_HOST: engine.host }),
      COMPOSE_PROJECT_NAME: `mesh-${process.pid}`,
      COMPOSE_FILE: ['compose.yaml', ...more.map(file => basename(file)).filter(isYaml)]
        .map(file => join(folder, 'compose', file))
        .join(':'),
      ...Object.fromEntries(bound.map(name => [`${name}_BIND`, anyPort])),
      ...stunPorts,
      ...images,
    }
  }

  /** Nothing runs yet. */
  static async prepare(init: ComposeMeshInit): Promise<ComposeMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'compose-'))
    await cp(deploy, folder, { recursive: true, filter: path => !path.endsWith('/secrets') })
    for (const file of init.more ?? []) await cp(file, join(folder, 'compose', basename(file)))
    await run(join(folder, 'compose/make-secrets.sh'))
    const plugin = await init.engine.docker('compose', 'version').then(
      () => true,
      () => false,
    )
    const stunPorts: Record<string, string> = {}
    for (const relay of ['RELAY_1', 'RELAY_2']) {
      const port = await freePort()
      stunPorts[`${relay}_STUN_BIND`] = `127.0.0.1:${port}-${port + 1}`
    }
    return new ComposeMesh(init, folder, plugin ? ['docker', 'compose'] : ['docker-compose'], stunPorts)
  }

  /** Runs `docker compose ARGS`. @returns its stdout @throws Error with its stderr */
  async compose(...args: string[]): Promise<string> {
    const [file = '', ...first] = this.#command
    const { stdout } = await run(file, [...first, ...args], { env: this.env, maxBuffer: 16 * 1024 * 1024 })
    return stdout.trimEnd()
  }

  /** Runs a line of a page in a shell beside compose.yaml. @returns its stdout @throws Error with its stderr */
  async line(text: string): Promise<string> {
    const own = text
      .replaceAll('docker compose', this.#command.join(' '))
      .replaceAll(' compose_', ` ${this.env['COMPOSE_PROJECT_NAME']}_`)
    const { stdout } = await run('sh', ['-c', own], { env: this.env, cwd: join(this.folder, 'compose') })
    return stdout
  }

  async up(): Promise<void> {
    const services = (await this.compose('config', '--services')).split('\n')
    await this.compose('up', '--detach', ...services.filter(service => !missing.includes(service)))
  }

  /** What the engine knows of each container, by its service. */
  async containers(): Promise<Map<string, Container>> {
    const project = `label=com.docker.compose.project=${this.env['COMPOSE_PROJECT_NAME']}`
    const ids = (await this.#engine.docker('ps', '--all', '--quiet', '--filter', project)).split('\n')
    const all = JSON.parse(await this.#engine.docker('inspect', ...ids)) as Container[]
    return new Map(all.map(it => [it.Config.Labels['com.docker.compose.service'] ?? it.Id, it]))
  }

  /** Runs the command of the project beside the process of a service. */
  async ask(service: string, ...args: string[]): Promise<string> {
    const container = (await this.containers()).get(service)
    return this.#engine.docker('exec', container?.Id ?? service, 'node', '/app/bin/agent-mesh.js', ...args)
  }

  /** @returns what the one HTTP port of a service answers, as JSON */
  async fetch(service: string, path: string): Promise<unknown> {
    const ports = (await this.containers()).get(service)?.NetworkSettings.Ports ?? {}
    const [bound] = Object.values(ports).flat()
    const response = await fetch(`http://127.0.0.1:${bound?.HostPort}${path}`, {
      signal: AbortSignal.timeout(20_000),
    })
    return response.json()
  }

  /** Containers, networks, volumes and files. */
  async end(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '5').catch(() => undefined)
    await rm(this.folder, { recursive: true, force: true })
  }
}

const bound = [
  'CONTROL_PLANE',
  'SECOND_CONTROL_PLANE',
  'RELAY_1',
  'RELAY_2',
  'PROMETHEUS',
  'ALERTMANAGER',
  'GRAFANA',
]
