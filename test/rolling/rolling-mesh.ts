/** A control plane, two relays and the agents that restart, each a process of its own. */
import { createAgent, createLogger, type Agent } from '@agent-mesh/agent'
import { join } from 'node:path'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { longestMs, work } from './work-contract.ts'

const loopback = '/ip4/127.0.0.1/tcp/0'
const service = join(import.meta.dirname, 'work-service.ts')
/** Starts at the same time: more would wait for the processor. */
const startsAtOnce = 4
/** A process that stops waits for its calls this long, s: longer than the longest. */
const drainSeconds = longestMs / 1_000 + 5

export interface Member {
  readonly name: string
  readonly args: readonly string[]
  daemon: Daemon
}

export class RollingMesh {
  readonly #workshop: Workshop
  readonly #controlPlane: Daemon
  readonly relays: Member[] = []
  readonly agents: Member[] = []

  private constructor(workshop: Workshop, controlPlane: Daemon) {
    this.#workshop = workshop
    this.#controlPlane = controlPlane
  }

  static async start(): Promise<RollingMesh> {
    const workshop = await openWorkshop()
    const listen = ['--listen', '127.0.0.1:0']
    return new RollingMesh(workshop, await workshop.start('control-plane', ['control-plane', ...listen]))
  }

  /** Where files of the run may be. */
  file(name: string): string {
    return join(this.#controlPlane.data, name)
  }

  async addRelays(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const join = await this.token('--role', 'relay')
      // It restarts at its old address, which agents know.
      const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
      const args = ['relay', '--name', `relay-${i}`, '--listen', listen, '--stun-port', '0']
      this.relays.push(await this.#start(`relay-${i}`, args, join))
    }
  }

  async addAgents(count: number): Promise<void> {
    const join = await this.token('--uses', String(count))
    const names = Array.from({ length: count }, (_, i) => `agent-${i + 1}`)
    const flags = ['--listen', loopback, '--no-mdns', '--serve', service]
    const startNext = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift())
        this.agents.push(await this.#start(name, ['up', '--name', name, ...flags], join))
    }
    await Promise.all(Array.from({ length: startsAtOnce }, startNext))
  }

  /** An agent of this process that calls. */
  async caller(name: string, paths: 'any' | 'relay'): Promise<Agent<readonly [typeof work]>> {
    return createAgent({
      data: this.#workshop.folder(name),
      join: await this.token(),
      name,
      listen: paths === 'relay' ? [] : [loopback],
      paths,
      contracts: [work],
      log: createLogger(name, 'silent'),
    })
  }

  /** Ends a member by SIGTERM and starts it anew. @returns ms until its end, and from then until it was ready. @throws Error when it did not end cleanly */
  async restart(member: Member): Promise<{ stopMs: number; startMs: number }> {
    const toldAt = performance.now()
    const [code, signal] = await member.daemon.end('SIGTERM')
    const endedAt = performance.now()
    if (code !== 0)
      throw new Error(`Cannot restart ${member.name}: it ended with ${signal ?? `exit ${code}`}`)
    member.daemon = await this.#workshop.start(member.name, member.args)
    return { stopMs: endedAt - toldAt, startMs: performance.now() - endedAt }
  }

  end(): Promise<void> {
    return this.#workshop.end()
  }

  async #start(name: string, args: readonly string[], join: string): Promise<Member> {
    const all = [...args, '--drain', `${drainSeconds}s`]
    return { name, args: all, daemon: await this.#workshop.start(name, [...all, '--join', join]) }
  }

  /** A new join token. */
  async token(...args: string[]): Promise<string> {
    const ran = await runCommand(['token', 'create', '--json', ...args, '--data', this.#controlPlane.data])
    return String(lastJson(ran)['token'])
  }
}
