/** The new member of a smoke test, in a container beside those of a Compose project. */
import { createToken, removeMs, type SmokeMember, type SmokeSettings } from '../smoke-test.ts'
import type { Unit } from '../target.ts'
import type { Compose } from './compose.ts'

/** The command in containers of the images. */
export const agentMesh = ['node', '/app/bin/agent-mesh.js']

/** Options of a container that writes nowhere but in memory. */
export const restricted = ['--read-only', '--cap-drop', 'ALL', '--tmpfs', '/tmp']

export interface SmokeContainerInit {
  compose: Compose
  /** Service that makes the join token. */
  controlPlane: string
  /** Of the container. */
  name: string
  image: string
  /** It reaches relays there, and agents of other networks only through them. */
  network: string
}

export class SmokeContainer implements SmokeMember {
  readonly #init: SmokeContainerInit
  readonly #restricted: readonly string[]

  constructor(init: SmokeContainerInit) {
    this.#init = init
    this.#restricted = ['--network', init.network, ...restricted]
  }

  token(signal: AbortSignal): Promise<string> {
    return this.#at(this.#init.controlPlane, createToken, signal)
  }

  async start({ token, name: asked, relay }: SmokeSettings, signal: AbortSignal): Promise<void> {
    const { compose, name, image } = this.#init
    await this.remove()
    const settings = {
      ...{ AGENT_MESH_JOIN: token, AGENT_MESH_NAME: asked, AGENT_MESH_MDNS: 'false' },
      ...{ AGENT_MESH_PATHS: 'relay', AGENT_MESH_USE_RELAY: relay },
    }
    // Without values, so that the token is in no argument.
    const variables = Object.keys(settings).flatMap(variable => ['--env', variable])
    const run = ['run', '--detach', '--name', name, ...this.#restricted, ...variables, image, 'up', '--json']
    await compose.docker(run, { signal, env: settings })
  }

  ask(args: readonly string[], signal: AbortSignal): Promise<string> {
    const { compose, name } = this.#init
    return compose.docker(['exec', name, ...agentMesh, ...args], { signal })
  }

  askAt({ name }: Unit, args: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#at(name, args, signal)
  }

  async leave(signal: AbortSignal): Promise<void> {
    const { compose, name, image } = this.#init
    await compose.docker(['stop', name], { signal })
    const leave = ['--rm', '--volumes-from', name, ...this.#restricted, image, 'leave', '--yes']
    await compose.docker(['run', ...leave], { signal })
  }

  async remove(): Promise<void> {
    const { compose, name } = this.#init
    const options = { signal: AbortSignal.timeout(removeMs) }
    await compose.docker(['rm', '--force', '--volumes', name], options).catch(() => {})
  }

  async #at(service: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const { compose } = this.#init
    const { Id } = await compose.container(service, signal)
    return compose.docker(['exec', Id, ...agentMesh, ...args], { signal })
  }
}
