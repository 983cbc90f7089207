/** The installation of deploy/compose, as a target: a unit is a service that is named after its role. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { existsSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { CommandFailure } from '../commands.ts'
import { isDigest } from '../digest.ts'
import { checkRoom, leastForBackup, leastForVersions } from '../room.ts'
import { schemaSchema, type Schema } from '../schema.ts'
import { smokeTest } from '../smoke-test.ts'
import { roles, sameBuild, type Build, type Role, type Target, type Unit } from '../target.ts'
import type { Compose } from './compose.ts'
import { setVariables } from './env-file.ts'
import { findImage } from './find-image.ts'
import { agentMesh, restricted, SmokeContainer } from './smoke-container.ts'

export interface DockerTargetInit {
  compose: Compose
  project: string
  /** What the next `docker compose up` starts. */
  envFile: string
  /** Before the role in the names of images. */
  imagePrefix: string
  /** Folder. */
  backups: string
}

/** It makes tokens and backups. */
const firstControlPlane = 'control-plane-1'
/** Exit code of `agent-mesh` for a command that it does not know: that of an older release. */
const wrongUsage = 2

export class DockerTarget implements Target {
  readonly #init: DockerTargetInit

  constructor(init: DockerTargetInit) {
    this.#init = init
  }

  async preflight(signal: AbortSignal): Promise<void> {
    const { compose, backups } = this.#init
    await compose.docker(['version', '--format', '{{.Server.Version}}'], { signal })
    await compose.run(['config', '--quiet'], { signal })
    await checkRoom(backups, leastForBackup)
    // That of an engine on another machine is not seen from here.
    const root = await compose.docker(['info', '--format', '{{.DockerRootDir}}'], { signal })
    if (existsSync(root)) await checkRoom(root, leastForVersions)
  }

  async schema(build: Build, signal: AbortSignal): Promise<Schema | undefined> {
    const image = build['control-plane']
    const alone = ['--rm', '--network', 'none', ...restricted]
    const ask = ['run', ...alone, image, 'admin', 'schema', '--json']
    try {
      return schemaSchema.parse(JSON.parse(await this.#init.compose.docker(ask, { signal })))
    } catch (cause) {
      if (!(cause instanceof CommandFailure)) throw cause
      if (cause.exit === wrongUsage && cause.said.includes("unknown command 'schema'")) return undefined
      throw new MeshError('unavailable', `Cannot read the schema of ${image}: ${cause.message}`, {
        cause,
        hint: `Both the images to deploy and those that run have to be in the engine, and to start: docker run --rm ${image} --version`,
      })
    }
  }

  async units(signal: AbortSignal): Promise<Unit[]> {
    const names = (await this.#init.compose.run(['config', '--services'], { signal })).split('\n')
    return names.toSorted(byNumber).flatMap(name => {
      const role = roles.find(it => name.startsWith(`${it}-`))
      return role === undefined ? [] : [{ name, role }]
    })
  }

  async find(version: string, signal: AbortSignal): Promise<Build> {
    const { compose, imagePrefix } = this.#init
    const init = { compose, version, signal }
    if (isDigest(version)) {
      // Of one image, which is in one of the repositories: services name the command of their role.
      const repositories = [imagePrefix.replace(/-$/, ''), ...roles.map(role => `${imagePrefix}${role}`)]
      const images = repositories.map(it => `${it}@${version}`)
      return sameBuild(await findImage({ ...init, images: [version, ...images] }))
    }
    const found: [Role, string][] = []
    for (const role of roles)
      found.push([role, await findImage({ ...init, images: [`${imagePrefix}${role}:${version}`] })])
    return Object.fromEntries(found) as Build
  }

  async running(signal: AbortSignal): Promise<Map<string, string>> {
    const all = [...(await this.#init.compose.containers(signal))]
    return new Map(
      all.flatMap(([name, { Image, State }]) => (State.Status === 'running' ? [[name, Image]] : [])),
    )
  }

  async backup(number: number, signal: AbortSignal): Promise<string> {
    const { compose, project, backups } = this.#init
    const { Id } = await compose.container(firstControlPlane, signal)
    const [inside, file] = ['/data/deploy.backup', join(backups, `${project}-${number}.backup`)]
    await mkdir(backups, { recursive: true, mode: 0o700 })
    await compose.docker(['exec', Id, ...agentMesh, 'admin', 'backup', '--force', inside], { signal })
    await compose.docker(['cp', `${Id}:${inside}`, file], { signal })
    await chmod(file, 0o600)
    await compose.docker(['exec', Id, 'rm', inside], { signal })
    return file
  }

  async start(build: Build, signal: AbortSignal): Promise<void> {
    await this.#init.compose.run(['up', '--detach', '--no-build'], { signal, env: variables(build) })
    await this.#healthy(await this.units(signal), signal)
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.#init.compose.run(['stop'], { signal })
  }

  async put(units: readonly Unit[], build: Build, signal: AbortSignal): Promise<void> {
    const args = ['up', '--detach', '--no-deps', '--no-build', ...units.map(({ name }) => name)]
    await this.#init.compose.run(args, { signal, env: variables(build) })
    await this.#healthy(units, signal)
  }

  async smoke(build: Build, signal: AbortSignal): Promise<void> {
    const { compose, project } = this.#init
    const units = await this.units(signal)
    const agent = units.find(({ role }) => role === 'agent')
    if (agent === undefined) throw new MeshError('not_found', 'Cannot run the smoke test: there is no agent')
    const [network = ''] = Object.keys((await compose.container(agent.name, signal)).NetworkSettings.Networks)
    const name = `${project}-smoke`
    const member = new SmokeContainer({
      ...{ compose, name, network },
      controlPlane: firstControlPlane,
      image: build.agent,
    })
    await smokeTest({ member, name, units, signal })
  }

  keep(build: Build): Promise<void> {
    return setVariables(this.#init.envFile, variables(build))
  }

  byHand(build: Build): string[] {
    const { envFile, project } = this.#init
    return [
      ...Object.entries(variables(build)).map(([name, image]) => `export ${name}=${image}`),
      `docker compose --project-name ${project} --env-file ${envFile} up --detach`,
    ]
  }

  #healthy(units: readonly Unit[], signal: AbortSignal): Promise<void> {
    return this.#init.compose.healthy(
      units.map(({ name }) => name),
      signal,
    )
  }
}

const variables = (build: Build): Record<string, string> => ({
  CONTROL_PLANE_IMAGE: build['control-plane'],
  RELAY_IMAGE: build.relay,
  AGENT_IMAGE: build.agent,
})

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
