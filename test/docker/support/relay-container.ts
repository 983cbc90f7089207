/** A relay in a container, run as docs/deploy-servers.md says: writes only to its volume, and has no capabilities. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from './engine.ts'

/** A relay that starts is ready within this, ms, on a busy machine too. */
const readyMs = 60_000

export interface RelayContainerInit {
  engine: Engine
  image: string
  name: string
  /** TCP port on loopback; agents find it there again after a replacement. */
  port: number
  /** File with the join token, on this machine. */
  tokenFile: string
  /** Calls through it have this long to end when it stops, s. */
  drainSeconds: number
}

export interface Ended {
  code: number
  /** From SIGTERM to the end, ms. */
  ms: number
}

export class RelayContainer {
  readonly #init: RelayContainerInit

  constructor(init: RelayContainerInit) {
    this.#init = init
  }

  /** Starts a new container on the volume of this relay. @returns its ready line */
  async start(): Promise<{ peerId: string; name: string }> {
    const { engine, image, name, port, tokenFile, drainSeconds } = this.#init
    const seen = Date.now()
    await engine.docker(
      ...['run', '--detach', '--name', name, '--network', 'host'],
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
      ...['--volume', `${name}:/data`, '--volume', `${tokenFile}:/run/join-token:ro`],
      ...['--env', 'AGENT_MESH_JOIN_FILE=/run/join-token', '--env', `AGENT_MESH_NAME=${name}`],
      ...['--env', `AGENT_MESH_LISTEN=/ip4/127.0.0.1/tcp/${port}`, '--env', 'AGENT_MESH_STUN_PORT=0'],
      ...['--env', `AGENT_MESH_DRAIN=${drainSeconds}s`, image],
    )
    return this.#ready(seen)
  }

  /** Starts the same container again. */
  async restart(): Promise<{ peerId: string; name: string }> {
    const seen = Date.now()
    await this.#init.engine.docker('start', this.#init.name)
    return this.#ready(seen)
  }

  /** SIGTERM, as `docker stop` and orchestrators do it; SIGKILL only long after the drain. */
  async stop(): Promise<Ended> {
    const { engine, name, drainSeconds } = this.#init
    const toldAt = performance.now()
    await engine.docker('stop', '--time', String(drainSeconds + 30), name)
    const ms = performance.now() - toldAt
    return { code: Number(await this.inspect('{{.State.ExitCode}}')), ms }
  }

  /** Its container, not its volume. */
  async remove(): Promise<void> {
    await this.#init.engine.docker('rm', '--force', this.#init.name)
  }

  /** Container and volume, if they are there. */
  async clear(): Promise<void> {
    const { engine, name } = this.#init
    await this.remove().catch(() => undefined)
    await engine.docker('volume', 'rm', '--force', name).catch(() => undefined)
  }

  inspect(format: string): Promise<string> {
    return this.#init.engine.docker('inspect', '--format', format, this.#init.name)
  }

  exec(...command: string[]): Promise<string> {
    return this.#init.engine.docker('exec', this.#init.name, ...command)
  }

  /** @param since unix ms: output of an earlier start is ignored */
  async #ready(since: number): Promise<{ peerId: string; name: string }> {
    const { engine, name } = this.#init
    for (const late = performance.now() + readyMs; performance.now() < late; await delay(100)) {
      const said = await engine.docker('logs', '--since', new Date(since).toISOString(), name)
      const line = said.split('\n').find(it => it.includes('"event":"ready"'))
      if (line !== undefined) return JSON.parse(line) as { peerId: string; name: string }
      if ((await this.inspect('{{.State.Running}}')) === 'false') break
    }
    throw new Error(`Relay ${name} did not start: ${(await engine.docker('logs', name)).slice(-2_000)}`)
  }
}
