/** Compose at one project, and the containers of its services. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'

import type { CommandOptions, Commands } from '../commands.ts'

/** The parts of `docker inspect` that deployments look at. */
const containerSchema = z.object({
  Id: z.string(),
  Image: z.string(),
  RestartCount: z.int(),
  State: z.object({
    Status: z.string(),
    ExitCode: z.int(),
    Health: z.object({ Status: z.string() }).optional(),
  }),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()) }),
})

export type Container = z.infer<typeof containerSchema>

export interface ComposeInit {
  commands: Commands
  project: string
  /** Of compose.yaml. */
  folder: string
  /** Compose files in another order or place, as COMPOSE_FILE names them. */
  files: readonly string[]
  envFile: string | undefined
  /** A unit is healthy within this, ms. */
  healthyMs: number
}

const lookMs = 1_000

export class Compose {
  readonly #init: ComposeInit
  readonly #first: readonly string[]

  private constructor(init: ComposeInit, first: readonly string[]) {
    this.#init = init
    this.#first = first
  }

  /** @throws MeshError unavailable without Compose */
  static async find(init: ComposeInit, signal: AbortSignal): Promise<Compose> {
    const { commands, project, folder, files, envFile } = init
    const place = ['--project-directory', folder, ...files.flatMap(file => ['--file', file])]
    const env = envFile === undefined ? [] : ['--env-file', envFile]
    for (const first of [['docker', 'compose'], ['docker-compose']]) {
      const answers = await commands.run([...first, 'version'], { signal }).then(
        () => true,
        () => false,
      )
      if (answers) return new Compose(init, [...first, '--project-name', project, ...place, ...env])
    }
    signal.throwIfAborted()
    throw new MeshError('unavailable', 'Cannot deploy: neither "docker compose" nor "docker-compose" runs', {
      hint: 'Install Docker Compose 1.29 or later.',
    })
  }

  run(args: readonly string[], options: CommandOptions): Promise<string> {
    return this.#init.commands.run([...this.#first, ...args], options)
  }

  docker(args: readonly string[], options: CommandOptions): Promise<string> {
    return this.#init.commands.run(['docker', ...args], options)
  }

  /** Running ones and others, by service. */
  async containers(signal: AbortSignal): Promise<Map<string, Container>> {
    const filter = ['--filter', `label=com.docker.compose.project=${this.#init.project}`]
    const ids = (await this.docker(['ps', '--all', '--quiet', ...filter], { signal }))
      .split('\n')
      .filter(Boolean)
    if (ids.length === 0) return new Map()
    const text = await this.docker(['inspect', ...ids], { signal })
    const all = z.array(containerSchema).parse(JSON.parse(text))
    return new Map(all.map(it => [it.Config.Labels['com.docker.compose.service'] ?? it.Id, it]))
  }

  /** @throws MeshError not_found */
  async container(service: string, signal: AbortSignal): Promise<Container> {
    const found = (await this.containers(signal)).get(service)
    if (found !== undefined) return found
    throw new MeshError('not_found', `Cannot deploy: ${service} has no container`)
  }

  /** Waits until services are healthy. @throws MeshError unavailable when one ends, restarts or takes too long */
  async healthy(services: readonly string[], signal: AbortSignal): Promise<void> {
    const restarts = new Map<string, number>()
    const late = performance.now() + this.#init.healthyMs
    for (; ; await wait(lookMs, undefined, { signal })) {
      const containers = await this.containers(signal)
      const waiting = services.filter(name => containers.get(name)?.State.Health?.Status !== 'healthy')
      if (waiting.length === 0) return
      for (const name of waiting) {
        const container = containers.get(name)
        if (container === undefined)
          throw new MeshError('unavailable', `Cannot deploy ${name}: it has no container`)
        const { Id, RestartCount, State } = container
        const before = restarts.get(Id) ?? RestartCount
        restarts.set(Id, before)
        if (State.Status === 'exited' || RestartCount > before)
          throw await this.#failure(name, Id, `it ended with exit ${State.ExitCode}`)
        if (performance.now() > late)
          throw await this.#failure(name, Id, `it is not healthy after ${this.#init.healthyMs / 1_000} s`)
      }
    }
  }

  async #failure(service: string, id: string, why: string): Promise<MeshError> {
    const options = { signal: AbortSignal.timeout(10_000) }
    const said = await this.docker(['logs', '--tail', '5', id], options).catch(String)
    return new MeshError('unavailable', `Cannot deploy ${service}: ${why}: ${said}`)
  }
}
